// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/source/kubernetes/list_watch.h"
#include "agent/source/kubernetes/node_record.h"

namespace agent::kubernetes {

/// The nodes of the cluster; of each only what fabric::Node holds.
class NodeStore final : public Store {
 public:
  /// `on_change` is called when nodes() or problems() have changed, `on_self` when self() may have.
  NodeStore(const Config& config, std::function<void()> on_change, std::function<void()> on_self);

  const std::vector<fabric::Node>& nodes() const { return known_.nodes; }  ///< sorted by name
  std::vector<std::string> problems() const;                               ///< by name of node
  /// This node's own object; nothing while the cluster has none.
  const std::optional<NodeRecord>& self() const { return known_.self; }

  void begin_list() override;
  void end_list() override;
  JsonVisitor& begin_object() override;
  void end_object(EventType what) override;
  void notify() override;

 private:
  struct Known {
    std::vector<fabric::Node> nodes = {};
    std::map<std::string, std::vector<std::string>> problems = {};
    std::optional<NodeRecord> self = {};
  };
  void put(Known& known, NodeRecord record);
  void remove(const std::string& name);

  const Config& config_;
  const std::vector<std::string> label_keys_;
  std::function<void()> on_change_, on_self_;
  NodeVisitor visitor_;
  Known known_;
  Known fresh_;  ///< the list that is coming in
  bool changed_ = false, self_changed_ = false;
};

}  // namespace agent::kubernetes
