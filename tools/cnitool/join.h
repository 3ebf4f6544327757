// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cnitool {

/// The words with `between` between two of them.
inline std::string join(const std::vector<std::string>& words, std::string_view between = ",") {
  std::string all;
  for (const std::string& word : words) {
    if (!all.empty()) all += between;
    all += word;
  }
  return all;
}

}  // namespace cnitool
