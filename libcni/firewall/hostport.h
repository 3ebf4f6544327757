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
#include "libcni/firewall/owner.h"
#include "libcni/nft/nft.h"

/// Ports of the host that lead into a container, in nf_tables. Tables, chains and hooks are the
/// reference's
/// (`ip cni_hostport`, `ip6 cni_hostport`). Where the reference adds rules per port, maps
/// translate:
///   hostip_ports   host address . protocol . host port -> container address . port
///   ports          protocol . host port -> container address . port
/// and one set per length of source network says which translated connections are masqueraded:
///   hairpin_<length>   network of the source . container address . protocol . container port
/// Adding a port adds elements, whatever is there already. Each element's comment names its owner.
namespace firewall {

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

/// A hold on a host port of all packets, in nf_tables or iptables, made by this suite or by the
/// reference.
struct HostPortHold {
  HostPort port;
  base::IpAddress container;  ///< that the port leads to
  std::string mark;    ///< comment of the element or rule in nf_tables, or the chain of iptables
  std::string holder;  ///< as messages name it
};
bool belongs_to(const HostPortHold& hold, const Owner& owner);
/// `tcp 8080`, or `192.0.2.1 tcp 8080`.
std::string describe(const HostPort& port);

/// Whether the holder is dead, so that its port can be given to another attachment.
using IsDead = std::function<bool(const HostPortHold&)>;

/// Opens the ports of all `families` in one transaction. Idempotent. Throws
/// std::system_error(EADDRINUSE) naming the other holder when a port is taken and its holder is not
/// `is_dead`; a dead one is removed, and the log tells it.
void add_host_ports(nft::Nft& nft, const Owner& owner, std::span<const HostPorts> families,
                    const IsDead& is_dead);

/// What a removal found: whether anything, and the UDP host ports among it.
struct RemovedHostPorts {
  bool existed = false;
  std::vector<std::uint16_t> udp;
};
/// Removes all that `owner` holds in nf_tables and what the reference made for its container ID.
/// `families` are what the ADD may have been asked for, or empty: where each element says that
/// there are no others, knowing them saves a walk over the ports of every attachment.
RemovedHostPorts remove_host_ports(nft::Nft& nft, const Owner& owner,
                                   std::span<const HostPorts> families = {});
/// Throws std::system_error(ENOENT) naming the first port that does not lead to its container. Both
/// what add_host_ports() makes and what the reference makes in nf_tables will do.
void check_host_ports(nft::Nft& nft, const Owner& owner, std::span<const HostPorts> families);

/// GC: reads what belongs to `network` and to none of `valid`; the step that it returns removes
/// that. What is made in between stays (S-203).
[[nodiscard]] std::function<RemovedHostPorts()> find_stale_host_ports(nft::Nft& nft,
                                                                      const std::string& network,
                                                                      std::span<const Owner> valid);

/// The holds of every network.
std::vector<HostPortHold> list_host_ports(nft::Nft& nft);

/// `tcp`, `udp`, `sctp`, `dccp`, `udplite` in any case; nothing for others.
std::optional<std::uint8_t> find_port_protocol(std::string_view name);
std::string port_protocol_name(std::uint8_t protocol);

}  // namespace firewall
