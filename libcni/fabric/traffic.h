// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/fabric/desired.h"
#include "libcni/fabric/run.h"

namespace fabric {

/// Brings the scope's nf_tables table, `inet plumb` for the agent, to what `traffic` says; none
/// removes it. Its rules are compared by their comments, which carry a hash of all of them; its
/// sets element by element. One transaction, and none where all is right.
void ensure_traffic(Run& run, const std::optional<Traffic>& traffic);

/// Of apply_delta(): the same for the sets' elements that differ from `before`, without reading
/// them. One that is not as `before` says makes the kernel refuse all of them.
void apply_traffic_delta(Run& run, const Traffic& before, const Traffic& traffic);

/// Accepts the cluster's forwarded packets in the FORWARD chains of iptables where there are such:
/// an accept in a table of one's own does not overrule the drop policy of another base chain. At
/// the end: what other rules there drop stays dropped. Those of its nf_tables variant:
void ensure_forward_rules(Run& run, const std::optional<Traffic>& traffic);
/// And of its legacy variant.
void ensure_legacy_forward_rules(Run& run, const std::optional<Traffic>& traffic);

/// Whether the agent's table has the rules of `traffic`, at little cost: its sets are not read.
/// None wanted, it may be another program's. Throws std::system_error when it cannot be read.
bool has_traffic_rules(nft::Nft& nft, const std::optional<Traffic>& traffic);

}  // namespace fabric
