// SPDX-License-Identifier: Apache-2.0
#include "libcni/nodes/split.h"

namespace nodes {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  if (text.empty()) return parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string> split_words(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  std::vector<std::string> words;
  for (;;) {
    const auto start = text.find_first_not_of(kSpace);
    if (start == std::string_view::npos) return words;
    const auto end = text.find_first_of(kSpace, start);
    words.emplace_back(text.substr(start, end - start));
    if (end == std::string_view::npos) return words;
    text.remove_prefix(end);
  }
}

}  // namespace nodes
