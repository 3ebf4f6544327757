// SPDX-License-Identifier: Apache-2.0
#include "libcni/log/repeats.h"

#include <algorithm>

namespace logging {
namespace {

/// A flood of different lines takes no memory: lines beyond this number are written as they come.
constexpr std::size_t kMostLines = 64;

}  // namespace

bool Repeats::admit(Level level, std::string_view line, Time now) {
  const auto found = std::ranges::find_if(
      lines_, [&](const Line& known) { return known.level == level && known.text == line; });
  if (found != lines_.end() && now - found->first < kRepeatWindow) {
    ++found->held_back;
    return false;
  }
  if (lines_.size() < kMostLines) lines_.push_back({level, std::string(line), now});
  return true;
}

std::vector<Repeats::Report> Repeats::take_passed(Time now) {
  std::vector<Report> reports;
  const auto kept = std::ranges::find_if(
      lines_, [&](const Line& line) { return now - line.first < kRepeatWindow; });
  for (auto line = lines_.begin(); line != kept; ++line)
    if (line->held_back > 0)
      reports.push_back({line->level, line->text + " (" + std::to_string(line->held_back) +
                                          " more within " + std::to_string(kRepeatWindow.count()) +
                                          " s)"});
  lines_.erase(lines_.begin(), kept);
  return reports;
}

}  // namespace logging
