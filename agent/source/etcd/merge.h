// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "agent/source/etcd/ownership.h"
#include "agent/source/etcd/view.h"
#include "agent/source/snapshot.h"

namespace agent::etcd {

/// All nodes of the store, each once: several keys of one name and address are ranges of one node,
/// and of several addresses the newest is right. This node's own records are one node of its name:
/// `self`, where that is known, beside whose ranges are those that flannel or a reservation keeps
/// for it; what plumbd claimed before counts no more. Pure.
Snapshot make_snapshot(const View& view, const Identity& identity,
                       const std::optional<fabric::Node>& self);

}  // namespace agent::etcd
