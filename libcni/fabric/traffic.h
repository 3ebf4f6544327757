// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/fabric/desired.h"
#include "libcni/fabric/run.h"

namespace fabric {

/// Makes the scope's nf_tables table, `inet plumb` for the agent, what `traffic` says; no `traffic`
/// removes it. Compares rules by their comments, which carry a hash of all rules, and sets element
/// by element. Needs one transaction, and none where all is right.
void ensure_traffic(Run& run, const std::optional<Traffic>& traffic);

/// Changes the sets' elements that differ from `before` without reading them, for apply_delta(). If
/// one element is not as `before` says, the kernel refuses all changes.
void apply_traffic_delta(Run& run, const Traffic& before, const Traffic& traffic);

/// Accepts the cluster's forwarded packets in the FORWARD chains of iptables' nf_tables variant,
/// where these exist: an accept in our own table does not overrule the drop policy of another base
/// chain. The rules are appended, so that packets that earlier rules drop stay dropped.
void ensure_forward_rules(Run& run, const std::optional<Traffic>& traffic);
/// The same for the legacy variant of iptables.
void ensure_legacy_forward_rules(Run& run, const std::optional<Traffic>& traffic);

/// Returns whether the agent's table has the rules of `traffic`. Cheap: the sets are not read.
/// Without `traffic`, a table of that name may belong to another program. Throws
/// std::system_error when it cannot be read.
bool has_traffic_rules(nft::Nft& nft, const std::optional<Traffic>& traffic);

}  // namespace fabric
