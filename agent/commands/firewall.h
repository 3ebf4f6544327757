// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "agent/config/config.h"
#include "agent/plan/node_plan.h"
#include "libcni/fabric/forward.h"

namespace agent {

enum class FirewallFormat {
  nft,      ///< for `nft -f -`
  iptables  ///< for `iptables-restore --noflush` and `ip6tables-restore --noflush`, each takes its
            ///< own
};
/// "nft" or "iptables"; nothing for another word.
std::optional<FirewallFormat> find_firewall_format(std::string_view word);

/// `plumbd firewall`: rules that accept the packets that this node must receive in its mode, and
/// nothing else (docs/ports.md): VXLAN from the other nodes, BGP and BFD from this node's peers,
/// the health port from anywhere unless it is bound to a loopback address. They are in a chain of
/// their own, which the text replaces when it is loaded again; the administrator's input chain
/// jumps to it. For each of `guards` the text accepts the pods' forwarded packets, in a chain
/// beside the guard. Pure. Throws std::invalid_argument as fabric::plan() and bird::plan() do.
std::string firewall_rules(const Config& config, const State& state, FirewallFormat format,
                           std::span<const fabric::ForwardDrop> guards = {});

}  // namespace agent
