// SPDX-License-Identifier: Apache-2.0
#include "libcni/attach/gc.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <set>
#include <string_view>

#include "libcni/attach/host_end_name.h"
#include "libcni/attach/veth.h"
#include "libcni/base/failures.h"
#include "libcni/base/gone.h"
#include "libcni/base/sys_error.h"
#include "libcni/firewall/attachment_rules.h"
#include "libcni/net/link.h"

namespace attach {
namespace {

constexpr std::size_t kFew = 3;  // so few are removed faster one by one

using IsStale = std::function<bool(const net::Link&)>;

/// The group of a GC is random, so that two GCs do not share one, and never one of mark_of().
std::uint32_t find_free_group(const std::vector<net::Link>& links) {
  constexpr std::uint32_t kFirst = 0x20000000;
  for (;;) {
    std::uint32_t number = 0;
    if (::getrandom(&number, sizeof number, 0) < 0) base::throw_errno("read random bytes");
    const std::uint32_t group = kFirst | number % kFirst;
    if (std::ranges::find(links, group, &net::Link::group) == links.end()) return group;
  }
}

/// Moves the links into the group; returns those that the kernel refused to move.
std::vector<int> move_to_group(net::Netlink& host, const std::vector<int>& indices,
                               std::uint32_t group) {
  std::vector<int> refused;
  net::Pipeline pipeline(host, [&](std::size_t at, int errnum, const std::string&) {
    if (!base::is_gone(errnum, base::Object::link)) refused.push_back(indices[at]);
  });
  for (const int index : indices) net::put_into_group(pipeline, index, group);
  pipeline.flush();
  return refused;
}

void remove_each(net::Netlink& host, const std::vector<int>& indices) {
  base::Failures failures;
  for (const int index : indices) failures.attempt([&] { net::remove_link(host, index); });
  failures.report();
}

/// Removes all at once: the kernel waits for its readers after each request that removes links, 50
/// ms and more (synchronize_net). The group is read again before it is removed: the index of a link
/// that another process removed may belong to another link now, or an operator may use the same
/// group. A link that another GC has moved to its own group meanwhile is removed by that GC.
void remove_together(net::Netlink& host, const std::vector<int>& indices, std::uint32_t group,
                     const IsStale& is_stale) {
  std::vector<int> one_by_one = move_to_group(host, indices, group);
  std::vector<int> foreign;
  std::vector<int> moved;
  for (const net::Link& link : net::list_links(host))
    if (link.group == group) (is_stale(link) ? moved : foreign).push_back(link.index);
  base::Failures failures;
  if (foreign.empty()) {
    failures.attempt([&] { net::remove_group(host, group); });
  } else {
    failures.attempt([&] { move_to_group(host, foreign, 0); });
    one_by_one.insert(one_by_one.end(), moved.begin(), moved.end());
  }
  failures.attempt([&] { remove_each(host, one_by_one); });
  failures.report();
}

}  // namespace

std::vector<firewall::Owner> owners_of(const std::string& network,
                                       const std::vector<cni::Attachment>& attachments) {
  std::vector<firewall::Owner> owners;
  for (const cni::Attachment& attachment : attachments)
    owners.push_back({network, attachment.container_id, attachment.ifname});
  return owners;
}

std::vector<firewall::Owner> find_newer_owners(const std::string& network, base::BootTime began) {
  const std::string prefix = alias_prefix(network);
  std::vector<firewall::Owner> owners;
  net::Netlink host;
  for (const net::Link& link : net::list_links(host)) {
    if (link.kind != "veth" || !link.alias.starts_with(prefix)) continue;
    if (!is_made_since(link.name, began)) continue;
    const std::string_view rest = std::string_view(link.alias).substr(prefix.size());
    const auto slash = rest.find('/');
    if (slash != std::string_view::npos)
      owners.push_back(
          {network, std::string(rest.substr(0, slash)), std::string(rest.substr(slash + 1))});
  }
  return owners;
}

std::function<void()> find_stale(const std::string& network,
                                 const std::vector<firewall::Owner>& valid, base::BootTime began,
                                 const FindStale& find) {
  constexpr int kTries = 16;
  std::vector<firewall::Owner> newer = find_newer_owners(network, began);
  for (int i = 0; i < kTries; ++i) {
    std::vector<firewall::Owner> spared = valid;
    spared.insert(spared.end(), newer.begin(), newer.end());
    auto remove = find(network, spared);
    std::vector<firewall::Owner> now = find_newer_owners(network, began);
    if (now == newer) return remove;
    newer = std::move(now);
  }
  base::throw_errno("read the rules of network \"" + network + "\" between ADDs", EAGAIN);
}

void remove_stale_veths(const std::string& network, const std::vector<firewall::Owner>& valid,
                        base::BootTime began) {
  std::set<std::string> aliases;
  for (const firewall::Owner& owner : valid) aliases.insert(alias_of(owner));
  const std::string prefix = alias_prefix(network);
  const IsStale is_stale = [&](const net::Link& link) {
    return link.kind == "veth" && link.alias.starts_with(prefix) && !aliases.contains(link.alias) &&
           !is_made_since(link.name, began);
  };
  net::Netlink host;
  remove_stale_links(host, net::list_links(host), is_stale);
}

void remove_stale_links(net::Netlink& host, const std::vector<net::Link>& links,
                        const IsStale& is_stale) {
  std::vector<int> indices;
  for (const net::Link& link : links)
    if (is_stale(link)) indices.push_back(link.index);
  if (indices.size() <= kFew) return remove_each(host, indices);
  remove_together(host, indices, find_free_group(links), is_stale);
}

void collect_garbage(const std::string& network, const std::vector<cni::Attachment>& attachments,
                     base::BootTime began, const std::function<void()>& collect_ipam) {
  const auto valid = owners_of(network, attachments);
  base::Failures failures;
  std::function<void()> remove_rules = [] {};
  failures.attempt([&] {
    remove_rules = find_stale(network, valid, began, firewall::find_stale_attachment_rules);
  });
  failures.attempt([&] { remove_stale_veths(network, valid, began); });
  failures.attempt(remove_rules);
  failures.attempt(collect_ipam);
  failures.report();
}

}  // namespace attach
