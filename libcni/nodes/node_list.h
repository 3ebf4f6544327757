// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libcni/fabric/node.h"
#include "libcni/json/object.h"

/// The files that describe nodes to the plugins and the agent: the list of all nodes, and the
/// ranges of this one.
namespace nodes {

/// The content of a list of nodes.
struct NodeList {
  std::vector<fabric::Node> nodes = {};    ///< in the order of the file
  std::vector<std::string> problems = {};  ///< lines left out and why: `<file>:<line>: ...`
  bool operator==(const NodeList&) const = default;
};

/// Reads a list of nodes, one node per line:
///
///     # comment
///     node-a addresses=10.0.0.1,fd00::1 ranges=10.244.1.0/24,fd00:244:1::/64
///     node-b addresses=10.0.0.2 ranges=10.244.2.0/24 mac=02:.. macV6=06:.. backend=host-gw
///     node-c addresses=10.0.0.3 ranges=10.244.3.0/24 asNumber=64513 labels=rack=r1,zone=a
///
/// or, when the first character is `{`, `{"nodes": [{"name": "node-a", "addresses": [..],
/// "ranges": [..], "labels": {"rack": "r1"}, ..}]}` with the same words as keys. Only the name and
/// one address are required. A node that cannot be read is left out, and named in `problems`.
/// Conflicts between nodes are not checked here: see find_conflicts(). Throws cni::Error(6) when
/// the text is JSON and malformed as a whole.
NodeList parse_nodes(std::string_view text, const std::string& file_name);

/// Sorts by name; nodes of one name stay in their order. Moves each node at most once, because they
/// are large.
void sort_by_name(std::vector<fabric::Node>& nodes);

/// One node as a JSON object; `address` may stand for a list of one. A missing name means
/// that the address is the name. Throws cni::Error(6 or 7) naming the key.
fabric::Node parse_node(const json::Object& object);

/// A prefix, masked. Throws cni::Error(7) naming `key`.
base::Prefix parse_range(const std::string& key, std::string_view text);

/// One line for each name or address that two nodes share, and for ranges that overlap.
std::vector<std::string> find_conflicts(const std::vector<fabric::Node>& nodes);

}  // namespace nodes
