// SPDX-License-Identifier: Apache-2.0
#include "plugins/bandwidth/ifb.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "libcni/attach/owner.h"
#include "libcni/base/failures.h"
#include "libcni/base/sys_error.h"
#include "libcni/net/redirect.h"
#include "plugins/bandwidth/plan.h"

namespace bandwidth {
namespace {

bool is_marked_by(const net::Link& link, const firewall::Owner& owner) {
  return is_mark(link.alias) && !is_marked_by_another(link, owner);
}

bool redirects_to(net::Netlink& host, const net::Link& end, const net::Link& ifb) {
  const auto redirects = net::list_redirects(host, end.index);
  return std::ranges::find(redirects, ifb.index, &net::Redirect::target) != redirects.end();
}

/// Nothing when the name is taken. The undo step is registered first, because the kernel may create
/// the link although its answer is lost.
std::optional<net::Link> try_add(net::Netlink& host, const net::IfbSpec& spec) {
  base::Undo undo;
  undo.add("delete ifb " + spec.name, [&] {
    const auto made = net::find_link(host, spec.name);
    if (made && made->group == spec.group) net::remove_link(host, made->index);
  });
  std::optional<net::Link> made;
  try {
    made = net::add_ifb(host, spec);
    if (!made) made = net::get_link(host, spec.name);
  } catch (const std::system_error& e) {
    if (e.code().value() != EEXIST) throw;
  }
  undo.commit();
  return made;
}

/// Nothing when another attachment or another program has the name.
std::optional<Ifb> ensure(net::Netlink& host, const std::string& name, const net::Link& end,
                          const firewall::Owner& owner) {
  const std::uint32_t group = group_of(owner);
  if (const auto made = try_add(host, {.name = name, .mtu = end.mtu, .group = group}))
    return Ifb{.link = *made, .is_new = true};
  const net::Link link = net::get_link(host, name);
  if (link.kind != "ifb") return std::nullopt;
  const bool is_own = link.alias.empty() ? link.group == group || redirects_to(host, end, link)
                                         : is_marked_by(link, owner);
  return is_own ? std::optional(Ifb{.link = link}) : std::nullopt;
}

bool is_listed(const std::optional<cni::Result>& prev_result, const std::string& name) {
  return !prev_result || std::ranges::any_of(prev_result->interfaces, [&](const auto& interface) {
    return interface.name == name && interface.sandbox.empty();
  });
}

}  // namespace

bool is_marked_by_another(const net::Link& link, const firewall::Owner& owner) {
  return !link.alias.empty() && identity_of(link.alias) != identity_of(mark_of(owner, {}));
}

Ifb ensure_ifb(net::Netlink& host, const net::Link& end, const firewall::Owner& owner,
               base::Undo& undo) {
  const auto names = ifb_names(owner);
  for (const std::string& name : names)
    if (auto ifb = ensure(host, name, end, owner)) {
      if (ifb->is_new)
        undo.add("delete ifb " + name,
                 [&host, index = ifb->link.index] { net::remove_link(host, index); });
      return *std::move(ifb);
    }
  base::throw_errno("create ifb \"" + names[0] + "\" or \"" + names[1] +
                        "\": links of other owners have these names",
                    EEXIST);
}

void remove_ifbs(const cni::Request& request) {
  const firewall::Owner owner = attach::owner_of(request);
  const auto names = ifb_names(owner);
  net::Netlink host;
  base::Failures failures;
  for (const std::string& name : names)
    failures.attempt([&] {
      const auto link = net::find_link(host, name);
      if (!link || link->kind != "ifb" || is_marked_by_another(*link, owner)) return;
      // Only the first name is shared by the attachments of a container.
      if (link->alias.empty() && name == names[0] && !is_listed(request.prev_result, name)) return;
      net::remove_link(host, link->index);
    });
  failures.report();
}

}  // namespace bandwidth
