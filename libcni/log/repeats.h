// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "libcni/log/log.h"

namespace logging {

constexpr std::chrono::seconds kRepeatWindow(10);

/// Which lines came lately: the first of a window is written, those that follow are counted.
class Repeats {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Report {
    Level level;
    std::string line;  ///< with the number
  };

  /// Returns whether the line is to be written.
  bool admit(Level level, std::string_view line, Time now);
  /// Lines that were held back in a window that has passed at `now`, oldest first.
  std::vector<Report> take_passed(Time now);

 private:
  struct Line {
    Level level;
    std::string text;
    Time first;
    std::size_t held_back = 0;
  };
  std::vector<Line> lines_;  ///< oldest first, at most kMostLines
};

}  // namespace logging
