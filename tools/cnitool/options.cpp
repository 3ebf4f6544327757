// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/options.h"

#include <charconv>
#include <string_view>
#include <utility>

#include "tools/cnitool/failure.h"

namespace cnitool {

std::chrono::milliseconds parse_duration(const std::string& text) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"", 1000}, {"s", 1000}, {"ms", 1}, {"m", 60000}};
  double number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(parsed.ptr, text.data() + text.size());
  for (const auto& [name, milliseconds] : kUnits) {
    const double total = number * milliseconds;
    if (parsed.ec == std::errc{} && unit == name && total >= 1 && total < 1e12) {
      return std::chrono::milliseconds(static_cast<long long>(total));
    }
  }
  throw UsageError("--timeout \"" + text + "\": write a duration such as 5, 500ms or 2m");
}

}  // namespace cnitool
