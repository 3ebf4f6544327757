// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/view.h"

#include <functional>
#include <utility>

#include "libcni/json/object.h"
#include "libcni/spec/error.h"

namespace agent::etcd {

View::View(std::string prefix, RecordOptions options)
    : prefix_(std::move(prefix)), options_(std::move(options)) {}

void View::put(const KeyValue& kv) {
  advance(kv.mod_revision);
  if (kv.key == config_key()) {
    try {
      network_ = parse_network(kv.value, kv.key);
      network_problem_.clear();
    } catch (const cni::Error& error) {
      network_problem_ = error.what();
      if (network_) network_problem_ += "; its previous value stays in force";
    }
    return;
  }
  if (!kv.key.starts_with(subnets())) return;
  Entry entry{.record = {},
              .mod_revision = kv.mod_revision,
              .lease = kv.lease,
              .value_hash = hash_of(kv.value)};
  std::string name = kv.key.substr(subnets().size());
  const auto ranges = find_ranges(name);
  try {
    if (!ranges)
      throw cni::Error(cni::Code::invalid_config,
                       "key " + json::excerpt(kv.key) + " must end in ranges such as 10.5.52.0-24");
    entry.record = parse_record(kv.key, *ranges, kv.value, options_);
    entry.record.node.since = kv.create_revision;
  } catch (const cni::Error& error) {
    entry.problem = error.what();
    if (ranges) entry.record.node.ranges = *ranges;
  }
  entries_[std::move(name)] = std::move(entry);
}

void View::remove(const KeyValue& kv) {
  advance(kv.mod_revision);
  if (kv.key.starts_with(subnets())) entries_.erase(kv.key.substr(subnets().size()));
  if (kv.key == config_key()) miss_network();
}

void View::inherit_network(const View& before) {
  if (network_ || !before.network_) return;
  network_ = before.network_;
  if (network_problem_.empty())
    miss_network();
  else
    network_problem_ += "; its previous value stays in force";
}

void View::miss_network() {
  if (network_)
    network_problem_ = "key \"" + config_key() + "\" is gone; its previous value stays in force";
}

std::size_t hash_of(const std::string& value) {
  return std::hash<std::string>()(value);
}

}  // namespace agent::etcd
