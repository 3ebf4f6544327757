// SPDX-License-Identifier: Apache-2.0
#include "plugins/tuning/result.h"

#include <algorithm>

namespace tuning {
namespace {

constexpr int kLeastMtuV6 = 1280;  // RFC 8200, section 5

/// Returns whether an entry is the container's. Results of old plugins have no sandbox at all.
bool is_containers(const cni::Interface& entry, const cni::Result& result,
                   const std::string& ifname) {
  return entry.name == ifname &&
         (!entry.sandbox.empty() ||
          std::ranges::none_of(result.interfaces, [&](const cni::Interface& other) {
            return other.name == ifname && !other.sandbox.empty();
          }));
}

bool is_on(const cni::IpConfig& ip, const cni::Result& result, const std::string& ifname) {
  if (!ip.interface || *ip.interface < 0) return true;
  const auto index = static_cast<std::size_t>(*ip.interface);
  return index < result.interfaces.size() && result.interfaces[index].name == ifname;
}

}  // namespace

cni::Result changed_result(const Conf& conf, cni::Result result, const std::string& ifname) {
  const cni::Result before = result;
  for (std::size_t i = 0; i < result.interfaces.size(); ++i) {
    if (!is_containers(before.interfaces[i], before, ifname)) continue;
    cni::Interface& entry = result.interfaces[i];
    if (conf.link.mac) entry.mac = conf.mac_text;
    if (conf.link.mtu && entry.mtu) entry.mtu = static_cast<std::uint64_t>(*conf.link.mtu);
  }
  return result;
}

const cni::Interface* find_interface(const cni::Result& result, const std::string& ifname) {
  for (const cni::Interface& entry : result.interfaces)
    if (is_containers(entry, result, ifname)) return &entry;
  return nullptr;
}

void require_room_for_ipv6(const Conf& conf, const cni::Result& result, const std::string& ifname) {
  if (!conf.link.mtu || *conf.link.mtu >= kLeastMtuV6) return;
  for (const cni::IpConfig& ip : result.ips)
    if (!ip.address.address.is_v4() && is_on(ip, result, ifname))
      throw cni::Error(
          cni::Code::invalid_config,
          "invalid mtu " + std::to_string(*conf.link.mtu) + ": must be at least 1280 for IPv6",
          "the link has address " + ip.address.text());
}

}  // namespace tuning
