// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

namespace nodes {

/// The parts of `text` between `separator`, including empty parts; an empty text has no parts.
std::vector<std::string_view> split(std::string_view text, char separator);
/// The non-empty parts of `text` between spaces, tabs and carriage returns.
std::vector<std::string_view> split_words(std::string_view text);

}  // namespace nodes
