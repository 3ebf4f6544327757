// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/source/etcd/codec.h"
#include "agent/source/etcd/network.h"
#include "agent/source/etcd/record.h"

namespace agent::etcd {

/// A key below `<prefix>/subnets/`. An entry that cannot be read still reserves its range.
struct Entry {
  Record record;             ///< of a bad entry: the ranges, as far as they are in the key
  std::string problem = {};  ///< why it cannot be read
  std::int64_t mod_revision = 0;
  std::int64_t lease = 0;      ///< 0: a reservation
  std::size_t value_hash = 0;  ///< shows whether our record is still what we would write

  bool bad() const { return !problem.empty(); }
  const std::vector<base::Prefix>& ranges() const { return record.node.ranges; }
};

/// The keys below `<prefix>/` as of a revision, in a compact form.
class View {
 public:
  View(std::string prefix, RecordOptions options);

  void put(const KeyValue& kv);
  void remove(const KeyValue& kv);  ///< of the event: a key without value
  /// Takes the network of `before` if a new list has a damaged one or none.
  void inherit_network(const View& before);
  void advance(std::int64_t revision) { revision_ = std::max(revision_, revision); }

  /// The view contains every change up to this revision.
  std::int64_t revision() const { return revision_; }
  /// Entries by the part of the key after subnets(): short enough for std::string's own buffer.
  const std::map<std::string, Entry>& entries() const { return entries_; }
  /// flannel's configuration, where there is or was a valid one: a mistake in it must not change
  /// the tunnels of all nodes at once.
  const std::optional<Network>& network() const { return network_; }
  const std::string& network_problem() const { return network_problem_; }

  std::string config_key() const { return prefix_ + "/config"; }
  std::string subnets() const { return prefix_ + "/subnets/"; }

 private:
  void miss_network();
  std::string prefix_;
  RecordOptions options_;
  std::int64_t revision_ = 0;
  std::map<std::string, Entry> entries_;
  std::optional<Network> network_;
  std::string network_problem_;
};

std::size_t hash_of(const std::string& value);

}  // namespace agent::etcd
