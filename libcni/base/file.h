// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "libcni/base/unique_fd.h"

namespace base {

/// The most that is read of anything from outside unless the caller names another bound: the
/// largest real input, a list of 5,000 nodes, has 2 MiB.
inline constexpr std::size_t kMostInFile = std::size_t{16} << 20;
/// The most of a file that a person or plumbd writes for one node: resolv.conf, node.json.
inline constexpr std::size_t kMostInSmallFile = std::size_t{64} << 10;

/// All of `fd` from where it stands to its end. `what` names it in the error. Throws EFBIG when
/// that is more than `most` bytes.
std::string read_all(int fd, const std::string& what, std::size_t most = kMostInFile);

/// The whole file; nothing when it does not exist. Other failures throw std::system_error: EFBIG
/// when it has more than `most` bytes, EISDIR or EINVAL when it is not a regular file. A FIFO or a
/// device is never waited for.
std::optional<std::string> find_file(const std::string& path, std::size_t most = kMostInFile);
/// The same file, which must exist.
std::string read_file(const std::string& path, std::size_t most = kMostInFile);

/// Writes everything or throws std::system_error naming `what`.
void write_all(int fd, std::string_view data, const std::string& what);

/// Replaces `path` so that readers, and a machine that loses power, see the old or the new content,
/// never a part: temporary file in the same folder, fsync, rename, fsync of the folder (R-096,
/// S-261).
void write_file_atomic(const std::string& path, std::string_view data, mode_t mode);

/// Whether `name` can be that of a temporary file of write_file_atomic() for `target`, in the same
/// folder; one that was killed leaves it behind.
bool is_temporary_name(std::string_view name, std::string_view target);

/// mkdir -p; every folder made gets `mode`.
void ensure_directory(const std::string& path, mode_t mode);

/// Removes the file; returns false when it did not exist.
bool remove_file(const std::string& path);

/// flock(LOCK_EX) on `fd`, waiting at most `seconds`; false when another holder kept it (S-157).
/// Throws when a termination signal arrives.
bool lock_exclusive(int fd, int seconds);

}  // namespace base
