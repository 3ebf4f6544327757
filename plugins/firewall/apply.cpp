// SPDX-License-Identifier: Apache-2.0
#include "plugins/firewall/apply.h"

#include <sys/socket.h>

#include <functional>
#include <span>

#include "libcni/attach/gc.h"
#include "libcni/attach/owner.h"
#include "libcni/base/failures.h"
#include "libcni/base/undo.h"
#include "libcni/firewall/forward_rules.h"
#include "libcni/firewall/pod_sets.h"
#include "plugins/firewall/conf.h"

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

}  // namespace

cni::Result add(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  const cni::Result& result = cni::require_prev_result(request);
  const firewall::ForwardRules rules = rules_of(conf, result);
  const Owner owner = attach::owner_of(request);
  nft::Nft nft;
  base::Undo undo;
  if (conf.backend == Backend::nftables) {
    firewall::add_pod_addresses(nft, owner, rules.addresses, isolation_of(conf, result));
    undo.add("remove the pod's addresses", [&] { firewall::remove_pod_addresses(nft, owner); });
  }
  undo.add("remove the forward rules",
           [&] { firewall::remove_forward_rules(nft, owner, rules.addresses); });
  firewall::add_forward_rules(nft, owner, rules);
  undo.commit();
  return result;
}

void remove(const cni::Request& request) {
  const Owner owner = attach::owner_of(request);
  std::vector<base::IpAddress> addresses;
  if (request.prev_result) addresses = addresses_of(*request.prev_result);
  base::Failures failures;
  nft::Nft nft;
  bool existed = false;
  failures.attempt([&] { existed = firewall::remove_pod_addresses(nft, owner, addresses); });
  failures.attempt(
      [&] { existed = firewall::remove_forward_rules(nft, owner, addresses) || existed; });
  if (existed) nft::Nft::settle();
  failures.report();
}

void verify(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  const cni::Result& result = cni::require_prev_result(request);
  const firewall::ForwardRules rules = rules_of(conf, result);
  nft::Nft nft;
  if (conf.backend == Backend::nftables)
    firewall::check_pod_addresses(nft, rules.addresses, isolation_of(conf, result));
  firewall::check_forward_rules(nft, rules);
}

void collect_garbage(const cni::Request& request) {
  const auto valid = attach::owners_of(request.network, request.valid_attachments);
  base::Failures failures;
  nft::Nft nft;
  const auto find = [&](const std::string& network, std::span<const Owner> spared) {
    base::Failures unread;
    std::function<void()> remove_addresses = [] {};
    std::function<void()> remove_rules = [] {};
    unread.attempt(
        [&] { remove_addresses = firewall::find_stale_pod_addresses(nft, network, spared); });
    unread.attempt(
        [&] { remove_rules = firewall::find_stale_forward_rules(nft, network, spared); });
    return std::function<void()>([&failures, unread, remove_addresses, remove_rules] {
      failures.attempt([&] { unread.report(); });
      failures.attempt(remove_addresses);
      failures.attempt(remove_rules);
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
  try {
    nft::Nft nft;
    nft.generation();
    if (conf.backend != Backend::nftables &&
        firewall::find_host_variant(nft, AF_INET) == firewall::IptablesVariant::legacy)
      firewall::require_iptables(AF_INET);
  } catch (const std::system_error& error) {
    throw cni::Error(cni::Code::not_available, error.what());
  }
}

}  // namespace firewall_plugin
