// SPDX-License-Identifier: Apache-2.0
// The plugins in this file. The build generates the definition.
#pragma once

#include <span>
#include <string_view>

namespace plumb_cni {

struct Entry {
  std::string_view name;
  int (*main)(int, char**);
};

/// All plugins, sorted by name.
std::span<const Entry> entries();

}  // namespace plumb_cni
