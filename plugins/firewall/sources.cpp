// SPDX-License-Identifier: Apache-2.0
#include "plugins/firewall/sources.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>

#include "libcni/attach/living.h"
#include "libcni/base/log.h"
#include "libcni/firewall/owner.h"
#include "libcni/firewall/pod_sets.h"

namespace firewall_plugin {
namespace {

constexpr const char* kReload =
    "a reload or restart of firewalld drops the sources of pods: the next ADD on this network puts "
    "them back";

/// The addresses of living pods of `network` that are not sources of the zone.
std::vector<base::IpAddress> find_lost(nft::Nft& nft, Firewalld& firewalld, const std::string& zone,
                                       const std::string& network) {
  const firewall::StaleComments is_of_network(network, {});
  std::vector<base::IpAddress> lost =
      firewalld.find_missing(zone, firewall::list_pod_addresses(nft, is_of_network));
  if (lost.empty()) return lost;
  const attach::Living living;
  std::erase_if(lost, [&](const base::IpAddress& address) {
    return !living.has_address(address).value_or(true);
  });
  return lost;
}

}  // namespace

std::optional<Firewalld> find_firewalld(const Conf& conf) {
  if (conf.backend == Backend::iptables || conf.backend == Backend::nftables) return std::nullopt;
  std::optional<Firewalld> firewalld;
  try {
    firewalld = Firewalld::find();
  } catch (const std::system_error& error) {
    // A root of a user namespace sees the host's bus, which does not let it in; nor could it ask
    // firewalld for anything.
    if (conf.backend != Backend::automatic || error.code().value() != EACCES) throw;
    base::log(std::string("firewall: firewalld cannot be used: ") + error.what());
  }
  if (!firewalld && conf.backend == Backend::firewalld)
    throw cni::Error(cni::Code::try_again_later, "firewalld is not running",
                     "org.fedoraproject.FirewallD1 has no owner on the system's message bus: start "
                     "firewalld, or choose another backend");
  return firewalld;
}

void restore_sources(nft::Nft& nft, Firewalld& firewalld, const std::string& zone,
                     const std::string& network) noexcept {
  try {
    const std::vector<base::IpAddress> lost = find_lost(nft, firewalld, zone, network);
    if (lost.empty()) return;
    firewalld.add_sources(zone, lost);
    base::log("firewall: " + std::to_string(lost.size()) + " addresses of pods, such as " +
              lost.front().text() + ", are sources of zone " + zone +
              " of firewalld again, which had lost them");
  } catch (const std::exception& error) {
    base::log(std::string("firewall: put lost sources back: ") + error.what());
  }
}

void drop_sources(nft::Nft& nft, const Conf& conf, std::span<const base::IpAddress> addresses,
                  const IsLeaving& is_leaving) {
  if (addresses.empty()) return;
  std::optional<Firewalld> firewalld;
  try {
    firewalld = find_firewalld(conf);
  } catch (const cni::Error&) {
    return;  // it does not run, so it has no sources
  }
  if (!firewalld) return;
  std::vector<base::IpAddress> unowned(addresses.begin(), addresses.end());
  // prevResult may name a part of them.
  for (const base::IpAddress& leaving : firewall::list_pod_addresses(nft, is_leaving))
    if (std::ranges::find(unowned, leaving) == unowned.end()) unowned.push_back(leaving);
  const auto stays = [&](std::string_view comment) {
    return !comment.empty() && !is_leaving(comment);
  };
  for (const base::IpAddress& owned : firewall::list_pod_addresses(nft, stays))
    std::erase(unowned, owned);
  firewalld->remove_sources(conf.zone, unowned);
}

void require_sources(Firewalld& firewalld, const std::string& zone,
                     std::span<const base::IpAddress> addresses) {
  const std::vector<base::IpAddress> missing = firewalld.find_missing(zone, addresses);
  if (missing.empty()) return;
  throw cni::Error(
      cni::Code::internal,
      "address " + missing.front().text() + " is missing from zone " + zone + " of firewalld",
      kReload);
}

void require_no_loss(nft::Nft& nft, Firewalld& firewalld, const std::string& zone,
                     const std::string& network) {
  const std::vector<base::IpAddress> lost = find_lost(nft, firewalld, zone, network);
  if (lost.empty()) return;
  throw cni::Error(cni::Code::limited_connectivity,
                   "zone " + zone + " of firewalld lacks " + std::to_string(lost.size()) +
                       " addresses of pods, such as " + lost.front().text(),
                   kReload);
}

}  // namespace firewall_plugin
