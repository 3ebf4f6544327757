// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace ipam {

/// One moment in the life of a folder. Two equal stamps mean that nothing was created, renamed or
/// removed in it in between, provided that mark_moment() made the first.
struct Stamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t mtime_seconds = 0;
  std::int64_t mtime_nanoseconds = 0;
  std::int64_t ctime_seconds =
      0;  ///< differs for a folder that was restored from a backup with its mtime
  std::int64_t ctime_nanoseconds = 0;
  std::array<char, 40>
      boot_id{};  ///< changes with every boot: the index may be damaged after a power cut
  bool operator==(const Stamp&) const = default;
};

/// The folder's stamp now; nothing when the kernel does not report one.
std::optional<Stamp> find_stamp(int folder);

/// Gives the folder a modification time to the nanosecond and returns the stamp of this moment. The
/// kernel's own times come from a coarse clock, so that two changes in one tick could get the same
/// time; no other change can get this one. Returns nothing when the file system rounds times or
/// this process may not set them. `earlier` is any stamp of the folder since boot.
std::optional<Stamp> mark_moment(int folder, const Stamp& earlier);

}  // namespace ipam
