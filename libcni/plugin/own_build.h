// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace cni {

/// The identity of this build; in the ELF note `.note.plumb` of each executable.
std::string_view build_id();

/// Returns whether the executable at `path` comes from the same build as this one: the same
/// identity in its ELF note `.note.plumb`. False for a file that cannot be read.
bool is_own_build(const std::string& path);

}  // namespace cni
