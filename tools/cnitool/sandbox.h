// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "libcni/runtime/cache_entry.h"

namespace cnitool {

/// The path of the namespace that a word means, as a positional argument and with --netns. A word
/// with a `/` is a path, `pid:N` a process. Any other word is the first that exists of: a name in
/// /run/netns, a file in the current folder, for a number a process. If none exists it is a name,
/// which may be gone or will be created. Throws NotFound for a process that does not exist.
std::string netns_of(const std::string& word);

/// `cnitool-` and 20 hex digits of SHA-512 over the namespace's path.
std::string derive_container_id(const std::string& netns);

/// Returns whether `path` is an existing network namespace.
bool is_alive(const std::string& path);

/// The state of an attachment's namespace; `unknown` if its path is unknown or cannot be opened.
enum class Liveness { alive, gone, unknown };
Liveness find_liveness(const std::string& path);

/// The namespace of a cached attachment: the path in the entry, else the one in the result, because
/// runtimes with a libcni before 1.2 (containerd 1.6) do not write the former. Empty when neither
/// has it.
std::string netns_of(const runtime::CacheEntry& entry);

/// Throws UsageError unless `path` is directly under /run/netns, the only folder that
/// --create-netns and --rm may change.
void require_named_netns(const std::string& path);

/// A new namespace bound to `path` under /run/netns, as `ip netns add` makes them.
void create_netns(const std::string& path);

/// Unbinds and removes a namespace that create_netns() made; returns false when it did not exist.
bool remove_netns(const std::string& path);

/// `/run/netns/cnitool-` and 8 random hex digits.
std::string throwaway_netns();

/// Runs `program` inside the namespace with the standard streams of cnitool; returns its exit code,
/// or 128 + its signal.
int run_inside(const std::string& netns, const std::vector<std::string>& program);

}  // namespace cnitool
