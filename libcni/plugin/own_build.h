// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace cni {

/// What tells this build from every other; in the ELF note `.note.plumb` of each executable.
std::string_view build_id();

/// Whether the executable at `path` comes from the very build that this one comes from: same
/// identity in its ELF note `.note.plumb`. False for anything that cannot be read.
bool is_own_build(const std::string& path);

}  // namespace cni
