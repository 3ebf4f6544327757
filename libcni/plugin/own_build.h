// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace cni {

/// Whether the executable at `path` comes from the very build that this one comes from: same
/// identity in its ELF note `.note.plumb`. False for anything that cannot be read.
bool is_own_build(const std::string& path);

}  // namespace cni
