// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "libcni/base/ip.h"
#include "libcni/firewall/owner.h"
#include "libcni/nft/nft.h"

/// ipMasq: packets of an attachment to destinations outside its own subnet, except multicast, get
/// the node's address as their source. Works in the network namespace of the process.
namespace firewall {

enum class MasqueradeBackend { nftables, iptables };
/// Parses `ipMasqBackend`; an empty text means nftables. Nothing for an unknown word.
std::optional<MasqueradeBackend> find_masquerade_backend(std::string_view text);

/// Masquerades the container's `addresses` (host bits kept, prefix = its subnet). Idempotent; one
/// atomic transaction, or one iptables-restore per family. Another attachment with the same address
/// keeps its own rules.
void add_masquerade(const Owner& owner, std::span<const base::Prefix> addresses,
                    MasqueradeBackend backend = MasqueradeBackend::nftables);

/// Removes the rules of `owner` in all backends, made by this suite or by the reference.
/// `addresses` are all addresses of the owner, which saves reading all elements, or empty; wrong
/// ones do no harm. Starts a process only if legacy iptables tables hold such rules. Returns
/// whether there was anything. Call this before the slow work of a DEL, and close `nft` after it:
/// see Nft::settle().
bool remove_masquerade(nft::Nft& nft, const Owner& owner,
                       std::span<const base::Prefix> addresses = {});
/// The same on a separate socket, for callers without other work to do in between.
bool remove_masquerade(const Owner& owner, std::span<const base::Prefix> addresses = {});

/// CHECK. Throws std::runtime_error naming the first address whose packets no backend masquerades.
/// Rules of any attachment count, also those from before an upgrade or a change of ipMasqBackend.
void check_masquerade(const Owner& owner, std::span<const base::Prefix> addresses);

/// GC: reads the rules of `network` that belong to none of `valid`; the returned step removes them.
/// Rules made in between stay.
[[nodiscard]] std::function<void()> find_stale_masquerade(const std::string& network,
                                                          std::span<const Owner> valid);

/// Throws std::system_error when the kernel or the tools cannot serve `backend`.
void require_masquerade(MasqueradeBackend backend);

}  // namespace firewall
