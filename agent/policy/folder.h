// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "agent/policy/objects.h"

namespace agent::policy {

/// Changes whenever a file of the folder does.
struct FolderStamp {
  std::string text;
  std::chrono::milliseconds age;  ///< since the newest change; less than 0 after a clock jumped
};
/// Throws std::system_error when the folder cannot be read.
FolderStamp stamp_of(const std::string& path);

/// Reads every .yaml, .yml and .json file of a folder, in the order of their names; an object that
/// is there twice counts as its last text says. Throws std::system_error or cni::Error when the
/// folder or a file cannot be read as a whole: a file that is left out could open what it closes.
Objects read_folder(const std::string& path);

}  // namespace agent::policy
