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

/// ipMasq: what an attachment sends beyond its own subnet, multicast excepted, leaves under the
/// node's address (reference-plugins 1.18). Rules are those of the process's network namespace.
namespace firewall {

enum class MasqueradeBackend { nftables, iptables };
/// `ipMasqBackend`; empty text is nftables. Nothing for an unknown word.
std::optional<MasqueradeBackend> find_masquerade_backend(std::string_view text);

/// Masquerades the container's `addresses` (host bits kept, prefix = its subnet). Idempotent; one
/// atomic transaction, or one iptables-restore per family. Another attachment with the same address
/// keeps its own.
void add_masquerade(const Owner& owner, std::span<const base::Prefix> addresses,
                    MasqueradeBackend backend = MasqueradeBackend::nftables);

/// Removes what any backend, ours or the reference's, holds for `owner`. `addresses` is all of
/// them, which saves a walk over all elements, or empty; wrong ones do no harm. Starts a process
/// only where legacy iptables tables hold such state. Returns whether there was anything. See
/// Nft::settle(): call this before the slow work of a DEL, and close `nft` after it.
bool remove_masquerade(nft::Nft& nft, const Owner& owner,
                       std::span<const base::Prefix> addresses = {});
/// The same on a socket of its own, for callers that have nothing else to do meanwhile.
bool remove_masquerade(const Owner& owner, std::span<const base::Prefix> addresses = {});

/// Throws std::system_error(ENOENT) naming the first address whose packets no backend masquerades;
/// it does not matter for which attachment they do: what was set up before an upgrade, or before
/// ipMasqBackend changed, serves as well.
void check_masquerade(const Owner& owner, std::span<const base::Prefix> addresses);

/// GC: reads what belongs to `network` and to none of `valid`; the step that it returns removes
/// that. What is made in between stays (S-203).
[[nodiscard]] std::function<void()> find_stale_masquerade(const std::string& network,
                                                          std::span<const Owner> valid);

/// Throws std::system_error when the kernel or the tools cannot serve `backend`.
void require_masquerade(MasqueradeBackend backend);

}  // namespace firewall
