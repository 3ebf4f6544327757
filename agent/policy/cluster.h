// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/policy/objects.h"

namespace agent::policy {

/// A pod that policies see: it has not ended and is not on its node's own network.
struct LivePod {
  const Pod* pod = nullptr;
  std::vector<base::IpAddress> addresses = {};  ///< those that no newer pod has
};

/// The objects, ready to be asked. Refers to the objects, which must outlive it. The answers do not
/// depend on their order.
class Cluster {
 public:
  explicit Cluster(const Objects& objects);

  const std::vector<LivePod>& pods() const { return pods_; }  ///< sorted by namespace and name
  /// Sorted by namespace and name.
  const std::vector<const NetworkPolicy*>& policies() const { return policies_; }
  /// The policies that isolate `pod` in this direction.
  std::vector<const NetworkPolicy*> policies_of(const Pod& pod, Direction way) const;
  /// Returns whether `peer` of a policy in namespace `ns` means `pod`. Blocks of addresses do not
  /// mean pods here.
  bool is_peer(const Peer& peer, const std::string& ns, const Pod& pod) const;
  /// The pod that has `address`.
  const LivePod* find_pod(const base::IpAddress& address) const;
  const LivePod* find_pod(const std::string& ns, const std::string& name) const;

 private:
  void settle_addresses();
  std::vector<LivePod> pods_;
  std::vector<const NetworkPolicy*> policies_;
  std::map<std::string, const Labels*, std::less<>> namespaces_;
};

/// Limits of all policies of a pod in one direction: rules, a peer with a port each, and exceptions
/// of blocks. Above one they allow nothing: the policies of one namespace must not take the node's
/// memory and time from all others.
inline constexpr std::size_t kMostRules = 2000;
inline constexpr std::size_t kMostExceptions = 50000;
bool is_too_much(const std::vector<const NetworkPolicy*>& policies, const Pod& pod, Direction way);

/// Returns whether `policy` selects `pod`.
bool is_subject(const NetworkPolicy& policy, const Pod& pod);
/// The numbers of `port`'s name at `pod`; a pod may have several.
std::vector<std::uint16_t> named_ports(const Port& port, const Pod& pod);

}  // namespace agent::policy
