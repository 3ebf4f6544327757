// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

namespace nodes {

/// The parts of `text` between `separator`; an empty text has none, an empty part is one.
std::vector<std::string_view> split(std::string_view text, char separator);
/// The parts of `text` between spaces, tabs and carriage returns; none is empty.
std::vector<std::string_view> split_words(std::string_view text);

}  // namespace nodes
