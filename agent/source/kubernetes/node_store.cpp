// SPDX-License-Identifier: Apache-2.0
#include "agent/source/kubernetes/node_store.h"

#include <algorithm>
#include <utility>

namespace agent::kubernetes {

NodeStore::NodeStore(const Config& config, std::function<void()> on_change,
                     std::function<void()> on_self)
    : config_(config),
      label_keys_(label_keys(config)),
      on_change_(std::move(on_change)),
      on_self_(std::move(on_self)),
      visitor_(config.kubernetes.annotation_prefix, label_keys_) {}

std::vector<std::string> NodeStore::problems() const {
  std::vector<std::string> lines;
  for (const auto& [name, of_node] : known_.problems)
    lines.insert(lines.end(), of_node.begin(), of_node.end());
  return lines;
}

void NodeStore::begin_list() {
  fresh_ = {};
}

void NodeStore::end_list() {
  fresh_.nodes.shrink_to_fit();
  changed_ |= fresh_.nodes != known_.nodes || fresh_.problems != known_.problems;
  self_changed_ = true;
  known_ = std::exchange(fresh_, {});
}

JsonVisitor& NodeStore::begin_object() {
  visitor_.take();  // drops the rest of a malformed one
  return visitor_;
}

void NodeStore::end_object(EventType what) {
  NodeRecord record = visitor_.take();
  if (record.name.empty()) return;
  if (what == EventType::listed)
    put(fresh_, std::move(record));
  else if (what == EventType::deleted)
    remove(record.name);
  else
    put(known_, std::move(record));
}

void NodeStore::notify() {
  if (std::exchange(changed_, false)) on_change_();
  if (std::exchange(self_changed_, false)) on_self_();
}

void NodeStore::put(Known& known, NodeRecord record) {
  const bool live = &known == &known_;
  ReadNode read = read_node(record, config_);
  if (record.name == config_.node_name) {
    known.self = std::move(record);
    self_changed_ |= live;
  }
  const std::string& name = read.node.name;
  const auto problems = known.problems.find(name);
  const bool had_problems = problems != known.problems.end();
  if (had_problems ? problems->second != read.problems : !read.problems.empty()) {
    changed_ |= live;
    if (read.problems.empty())
      known.problems.erase(problems);
    else
      known.problems[name] = std::move(read.problems);
  }
  const auto place = std::ranges::lower_bound(known.nodes, name, {}, &fabric::Node::name);
  const bool there = place != known.nodes.end() && place->name == name;
  // A node without a range is not part of the network yet.
  if (read.node.ranges.empty()) {
    if (there) known.nodes.erase(place);
    changed_ |= live && there;
  } else if (!there) {
    known.nodes.insert(place, std::move(read.node));
    changed_ |= live;
  } else if (*place != read.node) {
    *place = std::move(read.node);
    changed_ |= live;
  }
}

void NodeStore::remove(const std::string& name) {
  const auto place = std::ranges::lower_bound(known_.nodes, name, {}, &fabric::Node::name);
  if (place != known_.nodes.end() && place->name == name) {
    known_.nodes.erase(place);
    changed_ = true;
  }
  changed_ |= known_.problems.erase(name) > 0;
  if (name != config_.node_name) return;
  known_.self.reset();
  self_changed_ = true;
}

}  // namespace agent::kubernetes
