// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/policy/objects.h"

namespace agent::policy {

/// Reads every .yaml, .yml and .json file of a folder, in the order of their names; an object that
/// is there twice counts as its last text says. Throws std::system_error or cni::Error when the
/// folder or a file cannot be read as a whole: a file that is left out could open what it closes.
Objects read_folder(const std::string& path);

}  // namespace agent::policy
