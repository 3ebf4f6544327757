// SPDX-License-Identifier: Apache-2.0
#include "plugins/firewall/apply.h"

#include <sys/socket.h>

#include <functional>
#include <set>
#include <span>

#include "libcni/attach/gc.h"
#include "libcni/attach/owner.h"
#include "libcni/base/failures.h"
#include "libcni/base/log.h"
#include "libcni/base/names.h"
#include "libcni/base/undo.h"
#include "libcni/firewall/forward_chains.h"
#include "libcni/firewall/forward_rules.h"
#include "libcni/firewall/pod_sets.h"
#include "plugins/firewall/conf.h"
#include "plugins/firewall/sources.h"

namespace firewall_plugin {
namespace {

using firewall::Owner;

std::vector<base::IpAddress> addresses_of(const cni::Result& result) {
  std::vector<base::IpAddress> addresses;
  for (const cni::IpConfig& ip : result.ips) addresses.push_back(ip.address.address);
  return addresses;
}

std::optional<firewall::Isolation> isolation_of(const Conf& conf, const cni::Result& result) {
  if (conf.ingress == IngressPolicy::open) return std::nullopt;
  if (result.interfaces.empty())
    throw cni::Error(cni::Code::invalid_config,
                     "interface needs to be set for ingress policy \"" +
                         std::string(name_of(conf.ingress)) +
                         "\", make sure to chain \"firewall\" plugin with \"bridge\"",
                     "prevResult has no interfaces");
  const std::string& bridge = result.interfaces.front().name;
  if (bridge.empty())
    throw cni::Error(cni::Code::invalid_config, "got empty bridge name",
                     "the first interface of prevResult has no name");
  if (const std::string problem = base::ifname_problem(bridge); !problem.empty())
    throw cni::Error(cni::Code::invalid_config,
                     "bridge name " + json::excerpt(bridge) + " in prevResult: " + problem,
                     "the first interface of prevResult must be a bridge");
  return firewall::Isolation{.bridge = bridge, .inside = conf.ingress == IngressPolicy::isolated};
}

firewall::ForwardRules rules_of(const Conf& conf, const cni::Result& result) {
  firewall::ForwardRules rules{.addresses = addresses_of(result),
                               .admin_chain = conf.admin_chain,
                               .isolation = isolation_of(conf, result)};
  if (conf.backend != Backend::nftables) return rules;
  rules.only_present = true;
  rules.isolation.reset();  // in the plugin's own table
  return rules;
}

/// An ADD: everything that its steps need.
struct Addition {
  const cni::Request& request;
  const Conf& conf;
  const firewall::ForwardRules& rules;
  nft::Nft& nft;
  base::Undo& undo;
  Owner owner() const { return attach::owner_of(request); }
};

void add_addresses(const Addition& to, const std::optional<firewall::Isolation>& isolation) {
  firewall::add_pod_addresses(to.nft, to.owner(), to.rules.addresses, isolation);
  to.undo.add("remove the pod's addresses",
              [to] { firewall::remove_pod_addresses(to.nft, to.owner()); });
}

IsLeaving owned_by(const Owner& owner) {
  return [owner](std::string_view comment) { return firewall::is_owned_by(comment, owner); };
}

void add_sources(const Addition& to, Firewalld& firewalld) {
  add_addresses(to, {});
  to.undo.add("remove the pod's sources",
              [to] { drop_sources(to.nft, to.conf, to.rules.addresses, owned_by(to.owner())); });
  firewalld.add_sources(to.conf.zone, to.rules.addresses);
  restore_sources(to.nft, firewalld, to.conf.zone, to.request.network);
}

void add_rules(const Addition& to) {
  to.undo.add("remove the forward rules",
              [to] { firewall::remove_forward_rules(to.nft, to.owner(), to.rules.addresses); });
  firewall::add_forward_rules(to.nft, to.owner(), to.rules);
}

/// The configuration, or the defaults: DEL and GC work with a broken one.
Conf conf_or_defaults(const cni::Request& request) noexcept {
  try {
    return parse_conf(request);
  } catch (const std::exception&) {
    return {};
  }
}

/// The addresses in prevResult, which the reference may have let through; without it those that
/// the owner has registered.
std::vector<base::IpAddress> known_addresses(nft::Nft& nft, const cni::Request& request) {
  if (request.prev_result && !request.prev_result->ips.empty())
    return addresses_of(*request.prev_result);
  return firewall::list_pod_addresses(nft, owned_by(attach::owner_of(request)));
}

/// The findings of a GC, to be removed in this order.
struct Stale {
  std::vector<base::IpAddress> addresses = {};
  std::set<std::string, std::less<>> comments = {};  ///< of the addresses' owners
  std::function<void()> remove_addresses = [] {};
  std::function<void()> remove_rules = [] {};
};

Stale find_stale(nft::Nft& nft, const cni::Request& request, std::span<const Owner> spared,
                 base::Failures& unread) {
  const std::string& network = request.network;
  Stale stale;
  unread.attempt([&] {
    const firewall::StaleComments is_stale(network, spared);
    stale.addresses = firewall::list_pod_addresses(nft, [&](std::string_view comment) {
      if (is_stale(comment)) stale.comments.emplace(comment);
      return is_stale(comment);
    });
    stale.remove_addresses = firewall::find_stale_pod_addresses(nft, network, spared);
  });
  unread.attempt([&] {
    stale.remove_rules = firewall::find_stale_forward_rules(nft, network, spared, request.began);
  });
  return stale;
}

/// Removes first what firewalld has: a later DEL or GC finds it by the owner in the sets. Returns
/// whether the sets had anything.
bool remove_addresses(const cni::Request& request, nft::Nft& nft,
                      const std::vector<base::IpAddress>& addresses) {
  const Owner owner = attach::owner_of(request);
  drop_sources(nft, conf_or_defaults(request), addresses, owned_by(owner));
  return firewall::remove_pod_addresses(nft, owner, addresses);
}

/// The same for GC.
void remove_addresses(const cni::Request& request, nft::Nft& nft, const Stale& stale) {
  drop_sources(nft, conf_or_defaults(request), stale.addresses,
               [&](std::string_view comment) { return stale.comments.contains(comment); });
  stale.remove_addresses();
}

/// An accept verdict ends one base chain only: another chain of nf_tables can still drop the pods'
/// packets. Its rules may accept them by conditions that cannot be judged here, so this is not an
/// error.
void log_dropping_chains(nft::Nft& nft) {
  for (const firewall::DroppingChain& chain : firewall::list_dropping_forward_chains(nft)) {
    if (chain.is_of_iptables()) continue;
    base::log("firewall: chain " + chain.name + " of nf_tables table " + chain.table.name +
              " drops the forwarded packets that its own rules do not accept; it must accept those "
              "of pods");
  }
}

}  // namespace

cni::Result add(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  const cni::Result& result = cni::require_prev_result(request);
  firewall::ForwardRules rules = rules_of(conf, result);
  std::optional<Firewalld> firewalld = find_firewalld(conf);
  rules.accept = !firewalld;
  nft::Nft nft;
  base::Undo undo;
  const Addition addition{request, conf, rules, nft, undo};
  if (firewalld)
    add_sources(addition, *firewalld);
  else if (conf.backend == Backend::nftables)
    add_addresses(addition, isolation_of(conf, result));
  if (rules.accept || rules.isolation) add_rules(addition);
  undo.commit();
  return result;
}

void remove(const cni::Request& request) {
  const Owner owner = attach::owner_of(request);
  base::Failures failures;
  nft::Nft nft;
  bool existed = false;
  std::vector<base::IpAddress> addresses;
  failures.attempt([&] { addresses = known_addresses(nft, request); });
  failures.attempt([&] { existed = remove_addresses(request, nft, addresses); });
  failures.attempt(
      [&] { existed = firewall::remove_forward_rules(nft, owner, addresses) || existed; });
  if (existed) nft::Nft::settle();
  failures.report();
}

void verify(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  const cni::Result& result = cni::require_prev_result(request);
  firewall::ForwardRules rules = rules_of(conf, result);
  std::optional<Firewalld> firewalld = find_firewalld(conf);
  rules.accept = !firewalld;
  nft::Nft nft;
  if (firewalld)
    require_sources(*firewalld, conf.zone, rules.addresses);
  else if (conf.backend == Backend::nftables)
    firewall::check_pod_addresses(nft, rules.addresses, isolation_of(conf, result));
  firewall::check_forward_rules(nft, rules);
}

void collect_garbage(const cni::Request& request) {
  const auto valid = attach::owners_of(request.network, request.valid_attachments);
  base::Failures failures;
  nft::Nft nft;
  const auto find = [&](const std::string&, std::span<const Owner> spared) {
    base::Failures unread;
    const Stale stale = find_stale(nft, request, spared, unread);
    return std::function<void()>([&failures, &nft, &request, unread, stale] {
      failures.attempt([&] { unread.report(); });
      failures.attempt([&] { remove_addresses(request, nft, stale); });
      failures.attempt(stale.remove_rules);
    });
  };
  std::function<void()> remove = [] {};
  failures.attempt(
      [&] { remove = attach::find_stale(request.network, valid, request.began, find); });
  remove();
  failures.report();
}

void report_status(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  nft::Nft nft;
  try {
    nft.generation();
    if (std::optional<Firewalld> firewalld = find_firewalld(conf))
      return require_no_loss(nft, *firewalld, conf.zone, request.network);
    if (conf.backend != Backend::nftables &&
        firewall::find_host_variant(nft, AF_INET) == firewall::IptablesVariant::legacy)
      firewall::require_iptables(AF_INET);
    log_dropping_chains(nft);
  } catch (const cni::Error& error) {
    if (error.code() != cni::Code::try_again_later) throw;
    throw cni::Error(cni::Code::not_available, error.what(), error.details());
  } catch (const std::system_error& error) {
    throw cni::Error(cni::Code::not_available, error.what());
  }
}

}  // namespace firewall_plugin
