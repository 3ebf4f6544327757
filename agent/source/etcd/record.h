// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config.h"
#include "libcni/fabric/node.h"

namespace agent::etcd {

/// The ranges that the last part of flannel's key stands for: `10.5.52.0-24`, or with an IPv6 one
/// `10.5.52.0-24&fc00::-64`; flannel writes `0.0.0.0-0` for a missing IPv4 range. Nothing
/// for other text.
std::optional<std::vector<base::Prefix>> find_ranges(std::string_view text);
/// The reverse, of at most one range per family.
std::string key_of(const std::vector<base::Prefix>& ranges);

/// Settings for all records that this node reads or writes.
struct RecordOptions {
  fabric::Backend backend = fabric::Backend::automatic;  ///< the cluster's
  std::uint32_t vni = 1;
  std::vector<std::string> label_keys = {};  ///< other labels are not kept
};

/// The program that wrote a record. A record without a backend is a reservation: it keeps the range
/// for the node with that address.
enum class Author { plumbd, flannel, reservation };
struct Record {
  fabric::Node node;
  Author author = Author::plumbd;
};

/// Reads flannel's value (LeaseAttrs in flannel's pkg/lease). The member `Plumb`, which flannel
/// ignores, holds the fields that flannel does not know; without it the node's name is its address.
/// Throws cni::Error naming `key`, the member and what would be right.
Record parse_record(const std::string& key, const std::vector<base::Prefix>& ranges,
                    std::string_view value, const RecordOptions& options);
/// The value that describes `node` to both flannel and parse_record(), without its ranges.
std::string record_of(const fabric::Node& node, const RecordOptions& options);

}  // namespace agent::etcd
