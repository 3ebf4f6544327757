// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "libcni/base/boot_time.h"
#include "libcni/firewall/owner.h"
#include "libcni/spec/result.h"

namespace attach {

/// The owners that GC's list names in `network`.
std::vector<firewall::Owner> owners_of(const std::string& network,
                                       const std::vector<cni::Attachment>& attachments);

/// The owners of host ends of `network` that were made at `began` or later: GC's list cannot name
/// them (S-203). Ask after the list of what may be stale was read: the link of an attachment is
/// there before its rules. Not those whose names are hashed in the alias (over 96 bytes).
std::vector<firewall::Owner> find_newer_owners(const std::string& network, base::BootTime began);

/// Reads what is stale of `network`, and returns what removes it.
using FindStale = std::function<std::function<void()>(const std::string& network,
                                                      std::span<const firewall::Owner> valid)>;
/// GC of what attachments have beside their link: calls `find` with `valid` and
/// find_newer_owners(), again and again until no attachment was added while it read. Call it before
/// anything is removed: what an ADD makes after it is not stale (S-203). Throws EAGAIN when ADDs do
/// not pause.
std::function<void()> find_stale(const std::string& network,
                                 const std::vector<firewall::Owner>& valid, base::BootTime began,
                                 const FindStale& find);

/// GC of pairs: removes host ends whose alias names `network` and none of `valid`, unless they were
/// made at `began` or later. Several go at once by a link group of their own, in which nothing else
/// may be; other GCs may do the same at the same time.
void remove_stale_veths(const std::string& network, const std::vector<firewall::Owner>& valid,
                        base::BootTime began);

/// GC of a plugin that makes pairs: the pairs that `attachments` does not name go first, so that no
/// pod answers for an address when `collect_ipam` releases it; then their rules. Tries all three,
/// then throws what failed.
void collect_garbage(const std::string& network, const std::vector<cni::Attachment>& attachments,
                     base::BootTime began, const std::function<void()>& collect_ipam);

}  // namespace attach
