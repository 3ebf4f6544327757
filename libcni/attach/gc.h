// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "libcni/base/boot_time.h"
#include "libcni/firewall/owner.h"
#include "libcni/net/link.h"
#include "libcni/spec/result.h"

namespace attach {

/// The owners in `network` that GC's list of valid attachments names.
std::vector<firewall::Owner> owners_of(const std::string& network,
                                       const std::vector<cni::Attachment>& attachments);

/// The owners of host ends of `network` that were made at `began` or later: GC's list cannot name
/// them. Call this after the possibly stale rules were read: an attachment gets its link before its
/// rules. Owners whose names are hashed in the alias (over 96 bytes) are left out.
std::vector<firewall::Owner> find_newer_owners(const std::string& network, base::BootTime began);

/// Reads the stale rules of `network` and returns a step that removes them.
using FindStale = std::function<std::function<void()>(const std::string& network,
                                                      std::span<const firewall::Owner> valid)>;
/// GC of everything that attachments have besides their link: calls `find` with `valid` and
/// find_newer_owners(), and repeats that until no attachment was added while it read. Call it
/// before anything is removed: anything that an ADD makes later is not stale. Throws EAGAIN when
/// attachments keep being added.
std::function<void()> find_stale(const std::string& network,
                                 const std::vector<firewall::Owner>& valid, base::BootTime began,
                                 const FindStale& find);

/// GC of pairs: removes host ends whose alias names `network` and none of `valid`, unless they were
/// made at `began` or later. Other GCs may do the same at the same time.
void remove_stale_veths(const std::string& network, const std::vector<firewall::Owner>& valid,
                        base::BootTime began);

/// GC of links: removes those of `links`, the present ones, for which `is_stale` returns true.
/// Several are removed at once by a link group that nothing else uses; `is_stale` is asked again
/// before that.
void remove_stale_links(net::Netlink& host, const std::vector<net::Link>& links,
                        const std::function<bool(const net::Link&)>& is_stale);

/// GC of a plugin that makes pairs: removes the pairs that `attachments` does not name first, so
/// that no pod answers for an address when `collect_ipam` releases it; then their rules. Tries all
/// three steps, then throws the failures.
void collect_garbage(const std::string& network, const std::vector<cni::Attachment>& attachments,
                     base::BootTime began, const std::function<void()>& collect_ipam);

}  // namespace attach
