// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "agent/policy/objects.h"

namespace agent::policy {

/// Changes whenever a file of the folder does.
struct FolderStamp {
  std::string text;
  /// Since the newest change of a file, or of the list of files: an editor may rename a file away
  /// before it writes the new one. Less than 0 after a clock jumped.
  std::chrono::milliseconds age;
};
/// Throws std::system_error when the folder cannot be read.
FolderStamp stamp_of(const std::string& path);

/// Reads every .yaml, .yml and .json file of a folder, in the order of their names; an object that
/// is there twice counts as its last text says. Throws std::system_error or cni::Error when the
/// folder or a file cannot be read as a whole, or when a file is empty, as it is before a program
/// writes it: a file that is left out could open what it closes.
Objects read_folder(const std::string& path);

/// The same; nothing when the folder is not as it was at `stamp`, before or after it was read.
std::optional<Objects> read_folder_at(const std::string& path, const FolderStamp& stamp);

}  // namespace agent::policy
