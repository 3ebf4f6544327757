// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "agent/config/config.h"
#include "agent/source/etcd/allocation.h"
#include "agent/source/snapshot.h"

namespace agent::etcd {

/// The network of the cluster as `<prefix>/config` describes it for flannel.
struct Network {
  NetworkDefaults defaults;
  std::vector<Pool> pools;  ///< of both families
  bool operator==(const Network&) const = default;
};

/// Reads flannel's net-conf.json, with its defaults: ranges of 24 (64) bits, or a quarter of a
/// smaller network, beginning with the second one (flannel, pkg/subnet/config.go). Throws
/// cni::Error naming key, value and what would be right.
Network parse_network(std::string_view text, std::string_view what);

/// The pools that `config` names itself; they win over the store's.
std::vector<Pool> pools_of(const Config& config);

}  // namespace agent::etcd
