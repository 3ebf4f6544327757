// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/net/nft.h"
#include "libcni/net/owner.h"

/// Ports of the host that lead into a container, in nf_tables. Tables, chains and hooks are the
/// reference's
/// (`ip cni_hostport`, `ip6 cni_hostport`). Where the reference adds rules per port, maps
/// translate:
///   hostip_ports   host address . protocol . host port -> container address . port
///   ports          protocol . host port -> container address . port
/// and one set per length of source network says which translated connections are masqueraded:
///   hairpin_<length>   network of the source . container address . protocol . container port
/// Adding a port adds elements, whatever is there already. Each element's comment names its owner.
namespace net {

struct HostPort {
  std::uint8_t protocol = 0;  ///< IPPROTO_*
  std::uint16_t host_port = 0;
  std::uint16_t container_port = 0;
  std::optional<base::IpAddress> host_ip = {};  ///< unset: every address of the host
  bool operator==(const HostPort&) const = default;
};

/// A further match that packets must pass, from `conditionsV4` and `conditionsV6`.
struct HostPortCondition {
  enum class Kind { source, destination, input_link, output_link, mark } kind = Kind::source;
  bool negated = false;
  base::Prefix prefix = {};  ///< source, destination
  std::string link = {};     ///< input_link, output_link
  std::uint32_t mark = 0;
  std::uint32_t mask = 0xffffffff;
  bool operator==(const HostPortCondition&) const = default;
};

/// Which translated connections leave the host under its own address.
enum class HostPortMasquerade {
  none,
  local,  ///< from the container's own subnet, and from 127.0.0.1
  all,
};

/// The ports of one container address.
struct HostPorts {
  base::Prefix container;  ///< with the length of its subnet
  std::vector<HostPort> ports;
  HostPortMasquerade masquerade = HostPortMasquerade::local;
  /// With conditions, ports become rules of their own instead of elements of the maps.
  std::vector<HostPortCondition> conditions = {};
  bool operator==(const HostPorts&) const = default;
};

/// Opens the ports of all `families` in one transaction. Idempotent. Throws
/// std::system_error(EADDRINUSE) naming the other owner when a port is taken; what a dead container
/// of the same address left is replaced.
void add_host_ports(nft::Nft& nft, const Owner& owner, std::span<const HostPorts> families);
/// Removes all that `owner` holds and what the reference made for its container ID. Returns the UDP
/// host ports among it; whether there was anything at all is `existed`.
struct RemovedHostPorts {
  bool existed = false;
  std::vector<std::uint16_t> udp;
};
/// `families` are those of the ADD, or empty; knowing them saves a walk over everybody's ports.
RemovedHostPorts remove_host_ports(nft::Nft& nft, const Owner& owner,
                                   std::span<const HostPorts> families = {});
/// Throws std::system_error(ENOENT) naming the first port that is not as add_host_ports() makes it.
void check_host_ports(nft::Nft& nft, const Owner& owner, std::span<const HostPorts> families);
/// Removes what belongs to `network` and to none of `valid`.
RemovedHostPorts gc_host_ports(nft::Nft& nft, const std::string& network,
                               std::span<const Owner> valid);

/// `tcp`, `udp`, `sctp`, `dccp`, `udplite` in any case; nothing for others.
std::optional<std::uint8_t> find_port_protocol(std::string_view name);
std::string port_protocol_name(std::uint8_t protocol);

}  // namespace net
