// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/driver/model.h"

#include <algorithm>
#include <cmath>

namespace bench {
namespace {

double quantile(const Cell& cell, double Sample::*member, double q) {
  if (cell.samples.empty()) return 0;
  std::vector<double> sorted;
  for (const Sample& sample : cell.samples) sorted.push_back(sample.*member);
  std::sort(sorted.begin(), sorted.end());
  const auto rank = static_cast<size_t>(std::ceil(q * static_cast<double>(sorted.size())));
  return sorted[std::max<size_t>(rank, 1) - 1];
}

}  // namespace

const char* to_string(Side side) {
  switch (side) {
    case Side::kReference:
      return "reference";
    case Side::kOurs:
      return "plumb";
    case Side::kFloor:
      return "floor";
  }
  return "";
}

const char* to_string(Verb verb) {
  return verb == Verb::kAdd ? "ADD" : "DEL";
}

double median_wall(const Cell& cell) {
  return quantile(cell, &Sample::wall_ms, 0.5);
}

double median_cpu(const Cell& cell) {
  return quantile(cell, &Sample::cpu_ms, 0.5);
}

double p99_wall(const Cell& cell) {
  return quantile(cell, &Sample::wall_ms, 0.99);
}

double ratio(const Cell& numerator, const Cell& denominator) {
  const double below = median_wall(denominator);
  return below > 0 ? median_wall(numerator) / below : 0;
}

}  // namespace bench
