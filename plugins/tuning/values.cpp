// SPDX-License-Identifier: Apache-2.0
#include "plugins/tuning/values.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tuning {
namespace {

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  for (std::size_t begin = text.find_first_not_of(separators); begin != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(separators, begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(separators, end);
  }
  return parts;
}

/// A number in one of C's notations, as the kernel reads it.
std::optional<long long> find_number(const std::string& text) {
  char* end = nullptr;
  errno = 0;
  const long long number = std::strtoll(text.c_str(), &end, 0);
  if (errno != 0 || end == text.c_str() || *end != '\0') return std::nullopt;
  return number;
}

bool same_word(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const auto number = find_number(a);
  return number && number == find_number(b);
}

using Ranges = std::vector<std::pair<unsigned, unsigned>>;

std::optional<std::pair<unsigned, unsigned>> find_range(const std::string& text) {
  const char* end = text.data() + text.size();
  unsigned first = 0;
  auto read = std::from_chars(text.data(), end, first);
  unsigned last = first;
  if (read.ec == std::errc{} && read.ptr != end && *read.ptr == '-')
    read = std::from_chars(read.ptr + 1, end, last);
  if (read.ec != std::errc{} || read.ptr != end || last < first) return std::nullopt;
  return std::pair(first, last);
}

/// The numbers of a list such as `22,80-90`, in joined ranges, as the kernel prints them.
std::optional<Ranges> find_ranges(std::string_view text) {
  Ranges ranges;
  for (const std::string& part : split(text, ", \t\n")) {
    const auto range = find_range(part);
    if (!range) return std::nullopt;
    ranges.push_back(*range);
  }
  std::ranges::sort(ranges);
  Ranges joined;
  for (const auto& range : ranges)
    if (!joined.empty() && range.first <= joined.back().second + 1)
      joined.back().second = std::max(joined.back().second, range.second);
    else
      joined.push_back(range);
  return joined;
}

bool is_list(std::string_view text) {
  return text.find_first_of(",-") != std::string_view::npos;
}

}  // namespace

bool same_value(std::string_view a, std::string_view b) {
  constexpr std::string_view kBlanks = " \t\n\r\v\f";
  if (std::ranges::equal(split(a, kBlanks), split(b, kBlanks), same_word)) return true;
  if (!is_list(a) && !is_list(b)) return false;
  const auto ranges = find_ranges(a);
  return ranges && ranges == find_ranges(b);
}

}  // namespace tuning
