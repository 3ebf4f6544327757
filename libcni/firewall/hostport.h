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

/// The translated connections that get the host's own address as their source.
enum class HostPortMasquerade {
  none,
  local,  ///< those from the container's own subnet, and from 127.0.0.1
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

/// A hold on a host port for all packets, in nf_tables or iptables, made by this suite or by the
/// reference.
struct HostPortHold {
  HostPort port;
  base::IpAddress container;  ///< that the port leads to
  std::string mark;    ///< comment of the element or rule in nf_tables, or the chain of iptables
  std::string holder;  ///< the name in messages
};
bool belongs_to(const HostPortHold& hold, const Owner& owner);
/// `tcp 8080`, or `192.0.2.1 tcp 8080`.
std::string describe(const HostPort& port);

/// Returns whether the holder is dead, so that its port can be given to another attachment.
using IsDead = std::function<bool(const HostPortHold&)>;

/// Opens the ports of all `families` in one transaction. Idempotent. Throws
/// std::system_error(EADDRINUSE) naming the other holder when a port is taken and its holder is not
/// `is_dead`; the rules of a dead holder are removed, with a line in the log.
void add_host_ports(nft::Nft& nft, const Owner& owner, std::span<const HostPorts> families,
                    const IsDead& is_dead);

/// The outcome of a removal: whether there was anything, and the removed UDP host ports.
struct RemovedHostPorts {
  bool existed = false;
  std::vector<std::uint16_t> udp;
};
/// Removes everything that `owner` holds in nf_tables and the rules that the reference made for its
/// container ID. `families` are the ports that ADD was probably asked for, or empty. If the
/// elements show that these were all, the ports of other attachments need not be read.
RemovedHostPorts remove_host_ports(nft::Nft& nft, const Owner& owner,
                                   std::span<const HostPorts> families = {});
/// CHECK. Throws std::runtime_error naming the first port that does not lead to its container.
/// Accepts the rules of add_host_ports() and those of the reference in nf_tables.
void check_host_ports(nft::Nft& nft, const Owner& owner, std::span<const HostPorts> families);

/// GC: reads the elements and rules of `network` that belong to none of `valid`; the returned step
/// removes them. Rules made in between stay.
[[nodiscard]] std::function<RemovedHostPorts()> find_stale_host_ports(nft::Nft& nft,
                                                                      const std::string& network,
                                                                      std::span<const Owner> valid);

/// Lists the holds of every network.
std::vector<HostPortHold> list_host_ports(nft::Nft& nft);

/// `tcp`, `udp`, `sctp`, `dccp`, `udplite` in any case; nothing for others.
std::optional<std::uint8_t> find_port_protocol(std::string_view name);
std::string port_protocol_name(std::uint8_t protocol);

}  // namespace firewall
