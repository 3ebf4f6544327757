// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/config/config.h"
#include "agent/source/kubernetes/visit_json.h"
#include "libcni/fabric/node.h"

namespace agent::kubernetes {

/// Full keys of the annotations that are read and written: the prefix and flannel's names.
struct AnnotationKeys {
  explicit AnnotationKeys(const std::string& prefix);
  std::string backend_type, backend_data, backend_v6_data;
  std::string public_ip, public_ipv6;
  std::string public_ip_overwrite, public_ipv6_overwrite;  ///< input: what this node advertises
  std::string node_public_ip, node_public_ipv6;            ///< input: what this node is reached by
  std::string subnet_manager;                              ///< flannel ignores a node without it
  std::string as_number;                                   ///< input: the node's AS
  std::string former_ranges;    ///< former ranges with pods, separated by commas
  std::string use_external_ip;  ///< input, "true": ExternalIP counts
};

/// The fields of a Node object that plumbd reads, as text.
struct NodeRecord {
  std::string name = {};
  std::string created = {};  ///< `2026-11-30T12:00:00Z`, which the API server writes
  std::vector<std::string> pod_cidrs = {};
  std::vector<std::pair<std::string, std::string>> addresses = {};  ///< type, address
  std::map<std::string, std::string> annotations = {};              ///< those below the prefix
  std::vector<std::pair<std::string, std::string>> labels = {};     ///< the wanted ones
  std::string network_unavailable = {}, network_reason = {};        ///< the condition
};

/// Collects a NodeRecord; keeps annotations below `prefix` and the labels `label_keys`.
class NodeVisitor final : public JsonVisitor {
 public:
  NodeVisitor(const std::string& prefix, const std::vector<std::string>& label_keys)
      : prefix_(prefix), label_keys_(label_keys) {}
  void text(Path path, std::string& value) override;
  void end_object(Path path) override;
  NodeRecord take();

 private:
  const std::string& prefix_;
  const std::vector<std::string>& label_keys_;
  NodeRecord record_;
  std::string pod_cidr_;
  std::pair<std::string, std::string> address_;
  std::string type_, status_, reason_;  ///< of the condition that is being read
};

/// The node that a Node object describes. `node` has no ranges when it must be left out.
struct ReadNode {
  fabric::Node node;
  std::vector<std::string> problems = {};  ///< one line each, naming node, field and value
};
/// Reads a node. The address of a peer is the published one, else kubelet's; this node never reads
/// the address that it has published itself, which would outlive a change. The MAC is the published
/// one where flannel's nodes read it.
ReadNode read_node(const NodeRecord& record, const Config& config);

}  // namespace agent::kubernetes
