// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/firewall/isolation.h"
#include "libcni/firewall/owner.h"
#include "libcni/nft/nft.h"

/// The nf_tables backend of plugin `firewall`: table `inet cni_plugins_firewall` has the addresses
/// of pods in a set for each family, with their owner as comment, and a chain on the forward hook
/// that accepts packets from these addresses and their replies. An accept verdict ends this chain
/// only: FORWARD of iptables needs rules of its own (forward_rules.h).
namespace firewall {

/// ADD: one transaction. Idempotent. If another attachment has the same address, the next gets
/// rules of its own, so that each can be removed without the other.
void add_pod_addresses(nft::Nft& nft, const Owner& owner,
                       std::span<const base::IpAddress> addresses,
                       const std::optional<Isolation>& isolation = {});
/// `known` are the addresses of the owner, which saves reading all elements, or empty; a part of
/// them or wrong ones do no harm. Returns whether there was anything.
bool remove_pod_addresses(nft::Nft& nft, const Owner& owner,
                          std::span<const base::IpAddress> known = {});
/// The addresses whose element or rules have a comment that `wanted` selects.
std::vector<base::IpAddress> list_pod_addresses(
    nft::Nft& nft, const std::function<bool(std::string_view comment)>& wanted);
/// CHECK. Throws std::runtime_error naming the object that is missing.
void check_pod_addresses(nft::Nft& nft, std::span<const base::IpAddress> addresses,
                         const std::optional<Isolation>& isolation = {});
/// GC: reads the elements and rules of `network` that belong to none of `valid`; the returned step
/// removes them. Those made in between stay.
[[nodiscard]] std::function<void()> find_stale_pod_addresses(nft::Nft& nft,
                                                             const std::string& network,
                                                             std::span<const Owner> valid);

}  // namespace firewall
