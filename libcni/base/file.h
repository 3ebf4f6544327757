// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "libcni/base/unique_fd.h"

struct dirent;

namespace base {

/// The largest input that is read unless the caller gives another bound. The largest real input, a
/// list of 5,000 nodes, has 2 MiB.
inline constexpr std::size_t kMostInFile = std::size_t{16} << 20;
/// The largest accepted size of a file that a person or plumbd writes for one node: resolv.conf,
/// node.json.
inline constexpr std::size_t kMostInSmallFile = std::size_t{64} << 10;

/// Reads `fd` from its current position to its end. `what` names it in the error. Throws EFBIG for
/// more than `most` bytes.
std::string read_all(int fd, const std::string& what, std::size_t most = kMostInFile);

/// Reads the whole file; nothing when it does not exist. Other failures throw std::system_error:
/// EFBIG when it has more than `most` bytes, EISDIR or EINVAL when it is not a regular file. Never
/// blocks on a FIFO or a device.
std::optional<std::string> find_file(const std::string& path, std::size_t most = kMostInFile);
/// The same for a file that must exist.
std::string read_file(const std::string& path, std::size_t most = kMostInFile);

/// Writes everything or throws std::system_error naming `what`.
void write_all(int fd, std::string_view data, const std::string& what);

/// Replaces `path`, with the exact present time, so that readers see the old or the new content,
/// never a part of it, also after a power cut: temporary file in the same folder, fsync, rename,
/// fsync of the folder.
void write_file_atomic(const std::string& path, std::string_view data, mode_t mode);

/// Returns whether `name` can be the name of a temporary file of write_file_atomic() for `target`,
/// in the same folder. A killed process leaves such a file.
bool is_temporary_name(std::string_view name, std::string_view target);

/// mkdir -p; every new folder gets `mode`.
void ensure_directory(const std::string& path, mode_t mode);

/// Sets the time at which the file was written to the present. The kernel takes it from a coarse
/// clock, so that a new file can seem to be up to 10 ms older than a GC that had already begun.
/// File systems without such times keep the kernel's.
void stamp_written(int fd) noexcept;
/// The time at which the file was last written.
std::chrono::system_clock::time_point written_at(const struct stat& status);

/// The status of `name` in `folder`, of a link itself; nothing where it is gone. `path` names the
/// folder in the error.
std::optional<struct stat> find_status(int folder, const char* name, const std::string& path);

/// The extended attribute `name` of the file itself, not of a link's target; nothing where the
/// file, the attribute or the file system's support is missing. One of more than 255 bytes counts
/// as missing.
std::optional<std::string> find_attribute(const std::string& path, const char* name);

/// Calls `visit` with each entry of the open folder `fd`, also `.` and `..`. `path` names it in the
/// error.
void for_each_entry(int fd, const std::string& path,
                    const std::function<void(const dirent& entry)>& visit);

/// Removes the file; returns false when it did not exist.
bool remove_file(const std::string& path);

/// flock(LOCK_EX) on `fd`, waiting at most `seconds`; false when another holder kept it. Throws
/// when a termination signal arrives.
bool lock_exclusive(int fd, int seconds);

}  // namespace base
