// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/net/netlink.h"
#include "libcni/runtime/cache.h"

namespace agent {

/// How a pod is connected: as a port of a bridge that has a gateway of the node's range, or by a
/// route to its address alone. A bridged pod takes the whole range for on-link, so the two do not
/// reach each other on one node.
enum class Wiring { bridged, routed };

/// The wiring of pods that the conflist with this `text` makes; nothing where its plugin is not one
/// of this suite. `path` is for errors. Throws cni::Error when it cannot be parsed.
std::optional<Wiring> find_wiring(const std::string& text, const std::string& path);

/// Pods of a wiring, by the host's ends of their pairs.
struct WiredPods {
  std::size_t count = 0;
  /// At most 10: pods as the runtime's cache names them, else containers, else the host's end where
  /// another program made it.
  std::vector<std::string> names = {};
};
/// Finds pods of `wiring` with an address inside `ranges`. `cache` is where runtimes keep
/// attachments. Throws std::system_error.
WiredPods find_pods_of(net::Netlink& netlink, Wiring wiring, std::span<const base::Prefix> ranges,
                       const runtime::Cache& cache);

/// Finds pods that were made before the node's backend or conflist changed, and do not reach the
/// newer ones: they keep the wiring that they were made with.
class OldWiring {
 public:
  /// An empty `conflist` is an operator's own list elsewhere: it looks for nothing then.
  explicit OldWiring(std::string conflist, std::string cache_dir = runtime::kDefaultCacheDir)
      : conflist_(std::move(conflist)), cache_(std::move(cache_dir)) {}

  /// `ranges` are those of this node.
  void look(net::Netlink& netlink, std::span<const base::Prefix> ranges);
  /// Which pods to recreate, or why they cannot be found; empty when all have one wiring.
  const std::string& problem() const { return problem_; }

 private:
  std::optional<Wiring> read_wiring();
  std::string conflist_;
  std::string text_;  ///< of the conflist; parsed again when it changes
  std::optional<Wiring> wiring_;
  runtime::Cache cache_;
  std::string problem_;
};

}  // namespace agent
