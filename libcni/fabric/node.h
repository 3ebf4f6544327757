// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/base/mac.h"

namespace fabric {

/// How packets reach another node (docs/modes.md).
enum class Backend {
  automatic,  ///< host_gw where both nodes share a subnet, vxlan across
  vxlan,
  host_gw,
  bgp,  ///< BIRD makes the routes
};
/// "auto", "vxlan", "host-gw", "bgp"; nothing for another word.
std::optional<Backend> find_backend(std::string_view word);
std::string_view word_of(Backend backend);

/// Former ranges of one node that count; further ones are refused.
inline constexpr std::size_t kMostFormerRanges = 16;

/// A node as the others need to know it: where it is, and which pods are behind it.
struct Node {
  std::string name;
  /// Addresses on the network between the nodes; at most one per family.
  std::vector<base::IpAddress> addresses = {};
  /// Ranges of its pods, masked; several per family while a range changes.
  std::vector<base::Prefix> ranges = {};
  /// Ranges from before a change that still have pods: they stay the node's until another node
  /// claims them.
  std::vector<base::Prefix> former_ranges = {};
  /// MACs of its VXLAN devices over IPv4 and over IPv6; unset: vtep_mac() of the address.
  std::optional<base::Mac> mac = {};
  std::optional<base::Mac> mac_v6 = {};
  /// The node's own backend, where it differs from the cluster's (a flannel node: vxlan).
  std::optional<Backend> backend = {};
  std::uint32_t as_number = 0;  ///< 0: the cluster's
  /// Only labels that the configuration's selectors name, sorted: 5000 nodes have many.
  std::vector<std::pair<std::string, std::string>> labels = {};
  /// By family, IPv4 and IPv6: the address is known from the node alone (an annotation). It yields
  /// to what the control plane says of other nodes.
  std::array<bool, 2> own_word = {};
  /// When the source first had the node, as a number that grows with time; 0: not known.
  std::int64_t since = 0;
  bool operator==(const Node&) const = default;

  std::optional<base::IpAddress> address_of(int family) const;
  bool is_own_word(const base::IpAddress& address) const {
    return own_word[address.is_v4() ? 0 : 1];
  }
};

/// 02:76 and the four octets of an IPv4 address, or 06 and 40 bits of a hash of an IPv6 one: peers
/// need no annotation, and udev's MACAddressPolicy finds no random MAC to replace.
base::Mac vtep_mac(const base::IpAddress& address);
/// 06 and 40 bits of a hash of name and address, for a node that publishes its MAC: it differs from
/// the MAC of every other node, also one that has or had the same address.
base::Mac vtep_mac(const std::string& name, const base::IpAddress& address);

}  // namespace fabric
