// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libcni/firewall/hostport.h"

/// Host ports by iptables: the reference's chains, rules and order (reference-plugins 4.1 and 7.2).
namespace firewall {

inline constexpr const char* kHostPortEntries = "CNI-HOSTPORT-DNAT";  ///< leads to the chains
inline constexpr const char* kHostPortChainPrefix = "CNI-DN-";        ///< of a container's chain

/// Match words that ADD appends to the entry rules.
struct IptablesConditions {
  std::string v4;
  std::string v6;
  bool operator==(const IptablesConditions&) const = default;
};

/// The ports of one container address, as iptables wants them.
struct IptablesHostPorts {
  HostPorts ports;  ///< `conditions` is not used
  /// What the entry rules list: also ports of host addresses of the other family.
  std::vector<HostPort> listed = {};
  int mark_bit = 13;
  std::string set_mark_chain = {};  ///< of another owner, such as KUBE-MARK-MASQ; empty: ours
  IptablesConditions conditions = {};
  bool operator==(const IptablesHostPorts&) const = default;
};

/// One iptables-restore per family. A repetition replaces what the first call made. Throws
/// std::system_error(EADDRINUSE) as add_host_ports() does, and EIO when the tool reports success
/// without having done it.
void add_iptables_host_ports(nft::Nft& nft, const Owner& owner,
                             std::span<const IptablesHostPorts> families, const IsDead& is_dead);
/// Removes the chains of the owner's container, those of the reference's older releases too. Starts
/// a process only where legacy tables hold them.
bool remove_iptables_host_ports(nft::Nft& nft, const Owner& owner);
/// Whether the chain of `owner` is there and led to.
bool has_iptables_host_ports(nft::Nft& nft, const Owner& owner, int family);
/// The first of `ports` that the chain of `owner` does not lead to its container; nothing when all
/// are led there.
std::optional<HostPort> find_missing_iptables_host_port(nft::Nft& nft, const Owner& owner,
                                                        const HostPorts& ports);
/// Whether table nat has `chain`, in either variant.
bool has_nat_chain(nft::Nft& nft, int family, const std::string& chain);
/// GC: reads the chains of containers of `network` that are none of `valid`; the step that it
/// returns removes them. What is made in between stays (S-203).
[[nodiscard]] std::function<void()> find_stale_iptables_host_ports(nft::Nft& nft,
                                                                   const std::string& network,
                                                                   std::span<const Owner> valid);

}  // namespace firewall
