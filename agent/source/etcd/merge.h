// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "agent/source/etcd/ownership.h"
#include "agent/source/etcd/view.h"
#include "agent/source/snapshot.h"

namespace agent::etcd {

/// All nodes of the store, each once. Several keys with one name and address are ranges of one
/// node; among several addresses of a name the newest counts. This node's own records are one node:
/// `self`, where it is known, with its ranges and those that flannel or a reservation keeps for it;
/// former claims of plumbd do not count. Pure.
Snapshot make_snapshot(const View& view, const Identity& identity,
                       const std::optional<fabric::Node>& self);

}  // namespace agent::etcd
