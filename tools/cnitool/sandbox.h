// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "libcni/runtime/cache_entry.h"

namespace cnitool {

/// The path of the namespace that a word means, as a positional argument and with --netns: what has
/// a `/` is a path (C-15), `pid:N` a process; another word is the first of these that there is: a
/// name in /run/netns, a file here, for a number a process. Else a name, which may be gone or yet
/// to be created (C-21). Throws NotFound for a process that there is not.
std::string netns_of(const std::string& word);

/// `cnitool-` and 20 hex digits of SHA-512 over the namespace's path (C-14).
std::string derive_container_id(const std::string& netns);

/// Whether `path` is a live network namespace.
bool is_alive(const std::string& path);

/// What can be said of an attachment's namespace; `unknown` where its path is not known or cannot
/// be looked at.
enum class Liveness { alive, gone, unknown };
Liveness find_liveness(const std::string& path);

/// The namespace of a cached attachment: the path in the entry, else the one in the result, for
/// runtimes with a libcni before 1.2 (containerd 1.6) do not write the former. Empty when neither
/// says it.
std::string netns_of(const runtime::CacheEntry& entry);

/// Throws UsageError unless `path` is directly under /run/netns: what --create-netns and --rm may
/// touch.
void require_named_netns(const std::string& path);

/// A new namespace bound to `path` under /run/netns, as `ip netns add` makes them.
void create_netns(const std::string& path);

/// Unbinds and removes what create_netns() made; false when there was nothing.
bool remove_netns(const std::string& path);

/// `/run/netns/cnitool-` and 8 random hex digits.
std::string throwaway_netns();

/// Runs `program` inside the namespace with our standard streams; its exit code, or 128 + its
/// signal.
int run_inside(const std::string& netns, const std::vector<std::string>& program);

}  // namespace cnitool
