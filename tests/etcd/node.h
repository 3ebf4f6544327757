// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/source/source.h"
#include "tests/etcd/etcd_server.h"

namespace test {

/// A node of the cluster as plumbd would run it: the source alone, on a loop of its own.
class Node {
 public:
  static constexpr std::chrono::seconds kPatience{20};

  /// `address` is its underlay address and, in front of it, its name: `node-10.0.0.1`.
  Node(const std::string& url, const std::string& address);

  /// Begins, or begins again as after a restart of plumbd.
  void start();
  /// Turns the loop until `reached` or the patience is over; returns whether it was.
  bool wait_for(const std::function<bool()>& reached,
                std::chrono::milliseconds patience = kPatience);
  /// Until it has a range, its record is right, and both are known.
  bool wait_for_range();
  bool wait_for_problem(const std::string& part) {
    return wait_for([&] { return problems().find(part) != std::string::npos; });
  }
  bool wait_for_state(const std::string& part) {
    return wait_for([&] { return state().find(part) != std::string::npos; });
  }

  agent::Source& source() { return *source_; }
  const agent::Snapshot& snapshot() const { return source_->snapshot(); }
  /// Its ranges in the snapshot: `10.5.1.0/24 fc00::/64`; empty when it is not in there.
  std::string ranges_of(const std::string& name) const;
  std::string own_ranges() const { return ranges_of(config.node_name); }
  bool has(const std::string& name) const { return !ranges_of(name).empty(); }
  std::string problems() const;  ///< one per line
  std::string state() const { return source_->status().state; }
  int changes() const { return changes_; }

  agent::Config config;
  TempDir state_dir;

 private:
  agent::Loop loop_;
  int changes_ = 0;
  std::unique_ptr<agent::Source> source_;
};

inline const std::string kFlannelVxlan = R"({"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}})";
/// A record as flannel writes it.
std::string flannel_record(const std::string& address);

}  // namespace test
