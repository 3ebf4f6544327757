// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libcni/firewall/hostport.h"

/// Host ports by iptables: the reference's chains, rules and order.
namespace firewall {

inline constexpr const char* kHostPortEntries =
    "CNI-HOSTPORT-DNAT";  ///< chain with jumps to the container's chains
inline constexpr const char* kHostPortChainPrefix =
    "CNI-DN-";  ///< prefix of the name of a container's chain

/// Words of a match that ADD appends to the entry rules.
struct IptablesConditions {
  std::string v4;
  std::string v6;
  bool operator==(const IptablesConditions&) const = default;
};

/// The ports of one container address, in the form that iptables needs.
struct IptablesHostPorts {
  HostPorts ports;  ///< `conditions` is not used
  /// The ports that the entry rules list: also those of host addresses of the other family.
  std::vector<HostPort> listed = {};
  int mark_bit = 13;
  std::string set_mark_chain =
      {};  ///< chain of another program, such as KUBE-MARK-MASQ; empty: our own
  IptablesConditions conditions = {};
  bool operator==(const IptablesHostPorts&) const = default;
};

/// One iptables-restore per family. A repeated call replaces the rules of the first. Throws
/// std::system_error(EADDRINUSE) as add_host_ports() does, and EIO when the tool reports success
/// without having done it.
void add_iptables_host_ports(nft::Nft& nft, const Owner& owner,
                             std::span<const IptablesHostPorts> families, const IsDead& is_dead);
/// Removes the chains of the owner's container, also those of older releases of the reference.
/// Starts a process only if legacy tables hold them.
bool remove_iptables_host_ports(nft::Nft& nft, const Owner& owner);
/// Returns whether the chain of `owner` exists and a rule jumps to it.
bool has_iptables_host_ports(nft::Nft& nft, const Owner& owner, int family);
/// Returns the first of `ports` that the chain of `owner` does not lead to its container; nothing
/// when it leads all of them there.
std::optional<HostPort> find_missing_iptables_host_port(nft::Nft& nft, const Owner& owner,
                                                        const HostPorts& ports);
/// Returns whether table nat has `chain`, in either variant.
bool has_nat_chain(nft::Nft& nft, int family, const std::string& chain);
/// GC: reads the chains of containers of `network` that are not in `valid`; the returned step
/// removes them. Chains made in between stay.
[[nodiscard]] std::function<void()> find_stale_iptables_host_ports(nft::Nft& nft,
                                                                   const std::string& network,
                                                                   std::span<const Owner> valid);

}  // namespace firewall
