// SPDX-License-Identifier: Apache-2.0
#include "ipam/dhcp/lease.h"

#include <algorithm>
#include <bit>

#include "libcni/spec/error.h"

namespace ipam_dhcp {
namespace {

constexpr std::size_t kMostInKey = 254;  // an option has 255 bytes, and the first is the type
constexpr std::uint32_t kHour = 3600;
// A server may not keep the daemon busy: half of it is a second, the least time until a renewal.
constexpr std::uint32_t kLeastTime = 2;
constexpr std::uint64_t kScopeLink = 253;
const base::Prefix kDefault{*base::IpAddress::parse("0.0.0.0"), 0};

std::optional<base::IpAddress> address_in(std::string_view bytes, std::size_t at) {
  if (at + 4 > bytes.size()) return std::nullopt;
  return base::IpAddress::from_bytes({reinterpret_cast<const std::uint8_t*>(bytes.data()) + at, 4});
}

/// Throws unless the mask has all its ones in front.
int mask_length(const Packet& ack) {
  const auto mask = ack.find_number(option::kSubnetMask);
  if (!mask)
    throw cni::Error(cni::Code::internal, "DHCP option Subnet Mask not found in DHCPACK",
                     "the DHCP server must send option 1");
  const int length = std::popcount(*mask);
  if (std::countl_one(*mask) != length)
    throw cni::Error(cni::Code::internal, "DHCP option Subnet Mask is not a mask",
                     "option 1 must be ones followed by zeros, such as 255.255.255.0");
  return length;
}

int classful_length(const base::IpAddress& address) {
  const std::uint8_t first = address.bytes()[0];
  return first < 128 ? 8 : first < 192 ? 16 : 24;
}

/// RFC 3442: length, the leading bytes of the destination, the router. Stops at what is malformed.
std::vector<cni::Route> classless_routes(std::string_view bytes) {
  std::vector<cni::Route> routes;
  while (!bytes.empty()) {
    const auto length = static_cast<std::uint8_t>(bytes.front());
    const std::size_t size = (length + 7u) / 8u;
    if (length > 32 || bytes.size() < 1 + size + 4) break;
    std::string destination(bytes.substr(1, size));
    destination.resize(4, '\0');
    cni::Route route{.dst = {address_in(destination, 0)->masked(length), length},
                     .gateway = address_in(bytes, 1 + size)};
    if (route.gateway->is_unspecified()) route.scope = kScopeLink;
    routes.push_back(std::move(route));
    bytes.remove_prefix(1 + size + 4);
  }
  return routes;
}

std::vector<cni::Route> static_routes(std::string_view bytes) {
  std::vector<cni::Route> routes;
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
    const auto destination = *address_in(bytes, at);
    const int length = classful_length(destination);
    routes.push_back(
        {.dst = {destination.masked(length), length}, .gateway = address_in(bytes, at + 4)});
  }
  return routes;
}

std::vector<cni::Route> routes_of(const Packet& ack,
                                  const std::optional<base::IpAddress>& gateway) {
  if (const auto found = ack.options.find(option::kClasslessRoutes); found != ack.options.end())
    return classless_routes(found->second);
  std::vector<cni::Route> routes;
  if (const auto found = ack.options.find(option::kStaticRoutes); found != ack.options.end())
    routes = static_routes(found->second);
  if (gateway) routes.push_back({.dst = kDefault, .gateway = gateway});
  return routes;
}

}  // namespace

Lease read_lease(const Packet& ack, std::uint64_t priority) {
  if (!ack.yours || !ack.yours->is_global_unicast())
    throw cni::Error(cni::Code::internal, "the DHCPACK grants no usable address",
                     "yiaddr is " + (ack.yours ? ack.yours->text() : "0.0.0.0"));
  const std::uint32_t whole =
      std::max(ack.find_number(option::kLeaseTime).value_or(kHour), kLeastTime);
  const auto part = [&](std::uint8_t code, double share) {
    const auto otherwise = static_cast<std::uint32_t>(whole * share);
    const std::uint32_t given = ack.find_number(code).value_or(otherwise);
    return std::chrono::seconds(given == 0 || given > whole ? otherwise : given);
  };
  Lease lease{.address = {*ack.yours, mask_length(ack)},
              .server = ack.find_address(option::kServerId),
              .renewal = part(option::kRenewalTime, 0.5),
              .rebinding = part(option::kRebindingTime, 0.85),
              .expiry = std::chrono::seconds(whole),
              .result = {}};
  lease.renewal = std::min(lease.renewal, lease.rebinding);
  const auto gateway = ack.find_address(option::kRouters);
  lease.result.ips.push_back({.address = lease.address, .gateway = gateway});
  lease.result.routes = routes_of(ack, gateway);
  for (cni::Route& route : lease.result.routes) route.priority = priority;
  return lease;
}

std::string key_of(const std::string& container_id, const std::string& network,
                   const std::string& ifname) {
  return (container_id + "/" + network + "/" + ifname).substr(0, kMostInKey);
}

}  // namespace ipam_dhcp
