// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/merge.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "libcni/json/object.h"

namespace agent::etcd {
namespace {

void add_ranges(fabric::Node& node, const std::vector<base::Prefix>& ranges) {
  for (const base::Prefix& range : ranges)
    if (std::ranges::count(node.ranges, range) == 0) node.ranges.push_back(range);
}

/// A record that flannel wrote under this node's address is this node.
fabric::Node renamed(fabric::Node node, const std::string& name) {
  node.name = name;
  return node;
}

void add(const Entry& entry, bool direct, Snapshot& snapshot) {
  fabric::Node node = entry.record.node;
  if (direct && entry.record.author == Author::flannel && node.backend == fabric::Backend::vxlan)
    node.backend = fabric::Backend::automatic;
  if (snapshot.nodes.empty() || snapshot.nodes.back().name != node.name) {
    snapshot.nodes.push_back(std::move(node));
    return;
  }
  fabric::Node& newer = snapshot.nodes.back();
  if (newer.addresses == node.addresses) {
    add_ranges(newer, node.ranges);
    newer.since = std::min(newer.since, node.since);
  } else
    snapshot.problems.push_back("node " + json::quote(node.name) + " is at " +
                                newer.addresses.front().text() + " and at " +
                                node.addresses.front().text() + ": the older record is left out");
}

}  // namespace

Snapshot make_snapshot(const View& view, const Identity& identity,
                       const std::optional<fabric::Node>& self) {
  Snapshot snapshot;
  std::optional<fabric::Node> own = self;
  const Entry* newest_own = nullptr;  // while this node does not know its range yet
  std::vector<const Entry*> others;
  for (const auto& [key, entry] : view.entries()) {
    if (entry.bad()) {
      snapshot.problems.push_back(entry.problem);
      continue;
    }
    const bool reserved = entry.record.author == Author::reservation;
    if (own && owns(identity, entry)) {
      if (entry.record.author != Author::plumbd) add_ranges(*own, entry.ranges());
    } else if (!reserved && owns(identity, entry)) {
      if (newest_own == nullptr || newest_own->mod_revision < entry.mod_revision)
        newest_own = &entry;
    } else if (!reserved) {
      others.push_back(&entry);
    }
  }
  if (newest_own != nullptr) own = renamed(newest_own->record.node, identity.name);
  std::ranges::sort(others, [](const Entry* a, const Entry* b) {
    return std::tie(a->record.node.name, b->mod_revision) <
           std::tie(b->record.node.name, a->mod_revision);
  });
  snapshot.nodes.reserve(others.size() + 1);
  // flannel writes "vxlan" for a node with direct routes, too: the network's setting tells them
  // apart.
  const bool direct =
      view.network() && view.network()->defaults.backend == fabric::Backend::automatic;
  for (const Entry* entry : others) add(*entry, direct, snapshot);
  if (own) {
    const auto at = std::ranges::lower_bound(snapshot.nodes, own->name, {}, &fabric::Node::name);
    if (at != snapshot.nodes.end() && at->name == own->name) {
      snapshot.problems.push_back("another node at " + at->addresses.front().text() +
                                  " is called " + json::quote(own->name) + ", too: it is left out");
      *at = std::move(*own);
    } else {
      snapshot.nodes.insert(at, std::move(*own));
    }
  }
  if (!view.network_problem().empty()) snapshot.problems.push_back(view.network_problem());
  if (view.network()) snapshot.network = view.network()->defaults;
  return snapshot;
}

}  // namespace agent::etcd
