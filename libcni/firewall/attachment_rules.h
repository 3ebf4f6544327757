// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/firewall/masquerade.h"
#include "libcni/firewall/owner.h"
#include "libcni/firewall/source_check.h"
#include "libcni/nft/nft.h"

/// All rules that an attachment of any interface plugin can have: masquerade by either backend, a
/// source check, and a MAC spoof check. A configuration can change between ADD and DEL, even its
/// `type`, so DEL and GC search all of them by owner.
namespace firewall {

/// The rules that an ADD makes; none if both are empty.
struct AttachmentRules {
  std::vector<base::Prefix> masquerade = {};  ///< as for add_masquerade()
  MasqueradeBackend backend = MasqueradeBackend::nftables;
  std::optional<PodLink> source_check = {};
};

/// ADD: one nf_tables transaction; with the iptables backend and a masquerade also one
/// iptables-restore per family.
void add_attachment_rules(const Owner& owner, const AttachmentRules& rules);

/// Undoes add_attachment_rules().
void remove_attachment_rules(const Owner& owner, const AttachmentRules& rules);

/// DEL: opens `nft`, which the caller closes after the slow work that follows (Nft::settle).
/// Removes all it can, then throws the failures. `addresses` as for remove_masquerade(), `link` as
/// for remove_source_check(). On a node without these tables it costs six requests to the kernel
/// and starts no process.
void remove_attachment_rules(std::optional<nft::Nft>& nft, const Owner& owner,
                             std::span<const base::Prefix> addresses,
                             const std::optional<PodLink>& link = {});

/// GC: reads the rules of `network` that belong to none of `valid`, before anything else is done;
/// the returned step removes them. Rules made in between stay.
[[nodiscard]] std::function<void()> find_stale_attachment_rules(const std::string& network,
                                                                std::span<const Owner> valid);

}  // namespace firewall
