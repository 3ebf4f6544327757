// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/firewall/iptables.h"
#include "libcni/net/netlink.h"
#include "libcni/nft/nft.h"

namespace agent {

/// Finds out whether a kube-proxy of any mode has its rules in this namespace.
class KubeProxy {
 public:
  /// `family` is AF_INET or AF_INET6. Throws std::system_error where the rules cannot be read.
  bool has_rules(int family);

 private:
  /// A table can have a rule for each Service: it is read again when its size has changed.
  struct Legacy {
    std::optional<firewall::LegacySize> size;
    bool has_rules = false;
  };
  bool has_legacy_rules(int family);
  std::optional<nft::Nft> nft_;
  std::array<Legacy, 2> legacy_;
};

/// A bridge of pods that passes packets from pod to pod without showing them to the rules of a
/// kube-proxy. Then the answer of a Service's endpoint to a client on the same bridge keeps
/// the endpoint's address, and the client does not accept it.
struct BlindBridge {
  int index = 0;
  std::string name = {};
  int family = 0;          ///< of the packets
  bool is_loaded = false;  ///< br_netfilter: the setting of the bridge has an effect
};
/// One line for people: which bridge, what fails, what to do.
std::string text_of(const BlindBridge& bridge);

/// Bridges with an address inside `ranges`, where a kube-proxy has rules of that family. The rules
/// are looked for only where neither the sysctl nor the bridge's own setting is on. Throws
/// std::system_error.
std::vector<BlindBridge> find_blind_bridges(net::Netlink& netlink, KubeProxy& kube_proxy,
                                            std::span<const base::Prefix> ranges);

/// Keeps bridges of pods from being blind: turns on the bridge's own setting. The sysctl of
/// the namespace, which other bridges share, stays as the operator left it.
class BridgedServices {
 public:
  /// `ranges` are those of this node.
  void look(net::Netlink& netlink, const std::vector<base::Prefix>& ranges);
  /// True if the last look was for the same ranges.
  bool has_looked_at(const std::vector<base::Prefix>& ranges) const { return ranges_ == ranges; }
  /// Settings that could not be written or read, one line each.
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  void mend(net::Netlink& netlink, const BlindBridge& bridge);
  KubeProxy kube_proxy_;
  std::vector<base::Prefix> ranges_;
  std::vector<std::string> problems_;
};

}  // namespace agent
