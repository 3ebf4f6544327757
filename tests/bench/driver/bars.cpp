// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/driver/bars.h"

#include <algorithm>
#include <cstdio>

namespace bench {
namespace {

constexpr long kPeakLimitKib = 3000;  // 3 MB, read strictly
constexpr double kFlatLimit = 2.0;
constexpr double kMappingsLimit = 1.2;
constexpr double kSpoofCheckLimit = 1.05;
constexpr double kSlowerLimit = 1.02;  // than the earlier build of --against

std::string format(const char* pattern, double value) {
  char text[160];
  std::snprintf(text, sizeof(text), pattern, value);
  return text;
}

const Row* find_row(const std::vector<Row>& rows, const std::string& name) {
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.what.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

Bar make_bar(std::string promise, const char* pattern, double value, bool met) {
  Bar bar{std::move(promise), "not measured", Bar::State::kNotMeasured};
  if (value <= 0) return bar;
  bar.measured = format(pattern, value);
  bar.state = met ? Bar::State::kMet : Bar::State::kMissed;
  return bar;
}

Bar faster_than_reference(const Row& row, Verb verb, double wanted) {
  const double value = ratio(row.cell(verb, Side::kReference), row.cell(verb, Side::kOurs));
  return make_bar(std::string(to_string(verb)) + " " + row.what.title +
                      format(": at least %g x faster than the reference", wanted),
                  "%.2f x", value, value >= wanted);
}

Bar close_to_floor(const Row& row, Verb verb, double wanted) {
  const double value = ratio(row.cell(verb, Side::kOurs), row.cell(verb, Side::kFloor));
  return make_bar(std::string(to_string(verb)) + " " + row.what.title +
                      format(": at most %g x the floor", wanted),
                  "%.2f x", value, value <= wanted);
}

/// Plumb's time in one case compared with its time in another.
Bar flat(const Row& big, const Row& small, Verb verb, double wanted) {
  const double value = ratio(big.cell(verb, Side::kOurs), small.cell(verb, Side::kOurs));
  const char* other = big.what.spoof_check ? ": at most %g x of the case without it"
                                           : ": at most %g x of the empty case";
  return make_bar(std::string(to_string(verb)) + " " + big.what.title + format(other, wanted),
                  "%.2f x", value, value <= wanted);
}

/// The same where the kernel's own work grows, by as much as the floor's.
Bar as_flat_as_kernel(const Row& big, const Row& small, Verb verb, double wanted) {
  const double kernel = ratio(big.cell(verb, Side::kFloor), small.cell(verb, Side::kFloor));
  const double ours = ratio(big.cell(verb, Side::kOurs), small.cell(verb, Side::kOurs));
  const double value = kernel > 0 ? ours / kernel : 0;
  return make_bar(
      std::string(to_string(verb)) + " " + big.what.title +
          format(": at most %g x of the empty case, apart from the floor's growth", wanted),
      "%.2f x", value, value <= wanted);
}

Bar small_in_memory(const std::vector<Row>& rows) {
  long peak = 0;
  for (const Row& row : rows)
    for (const Verb verb : kVerbs)
      peak = std::max(peak, row.cell(verb, Side::kOurs).footprint.peak_kib);
  return make_bar("peak memory of any plugin: at most 3 MB", "%.0f KiB", static_cast<double>(peak),
                  peak <= kPeakLimitKib);
}

}  // namespace

std::vector<Bar> judge(const std::vector<Row>& rows) {
  struct Wanted {
    const char* name;
    Verb verb;
    double reference;  ///< at least this many times faster; 0: no such bar
    double floor;      ///< at most this many times the floor; 0: no such bar
  };
  static constexpr Wanted kWanted[] = {
      {"bridge", Verb::kAdd, 4, 1.8},
      {"bridge-masq", Verb::kAdd, 8, 0},
      {"bridge-dual-masq", Verb::kAdd, 12, 0},
      {"ptp-dual", Verb::kAdd, 100, 0},
      {"bridge", Verb::kDel, 0, 1.15},
      {"bridge-masq", Verb::kDel, 3, 1.15},
      {"macvlan", Verb::kAdd, 3, 0},
      {"podman", Verb::kAdd, 10, 0},
      {"podman", Verb::kDel, 5, 0},
      {"portmap-500", Verb::kAdd, 10, 0},
      {"portmap-500", Verb::kDel, 10, 0},
      {"tuning", Verb::kAdd, 3, 0},
      {"tuning", Verb::kDel, 3, 0},
      {"firewall", Verb::kAdd, 3, 0},
      {"firewall", Verb::kDel, 0, 1.15},
      {"bandwidth", Verb::kAdd, 3, 0},
      {"parallel", Verb::kAdd, 5, 0},
  };
  std::vector<Bar> bars;
  for (const Wanted& wanted : kWanted) {
    const Row* row = find_row(rows, wanted.name);
    if (row && wanted.floor > 0) bars.push_back(close_to_floor(*row, wanted.verb, wanted.floor));
    if (row && wanted.reference > 0)
      bars.push_back(faster_than_reference(*row, wanted.verb, wanted.reference));
  }
  struct Pair {
    const char* big;
    const char* small;
    double limit;
  };
  static constexpr Pair kPairs[] = {{"portmap-500", "portmap", kMappingsLimit},
                                    {"bridge-spoof-check", "bridge-dual-masq", kSpoofCheckLimit},
                                    {"host-local-10k", "host-local-0", kFlatLimit},
                                    {"host-local-50k", "host-local-0", kFlatLimit}};
  for (const Pair& pair : kPairs) {
    const Row* big = find_row(rows, pair.big);
    const Row* small = find_row(rows, pair.small);
    for (const Verb verb : kVerbs)
      if (big && small) bars.push_back(flat(*big, *small, verb, pair.limit));
  }
  // Its DEL reads the rules of all pods to find its own.
  const Row* pods = find_row(rows, "firewall-500");
  const Row* none = find_row(rows, "firewall");
  if (pods && none) bars.push_back(flat(*pods, *none, Verb::kAdd, kMappingsLimit));
  const Row* limited = find_row(rows, "bandwidth-500");
  const Row* unlimited = find_row(rows, "bandwidth");
  for (const Verb verb : kVerbs)
    if (limited && unlimited)
      bars.push_back(as_flat_as_kernel(*limited, *unlimited, verb, kMappingsLimit));
  bars.push_back(small_in_memory(rows));
  return bars;
}

std::vector<Bar> judge_against(const std::vector<Row>& rows) {
  std::vector<Bar> bars;
  for (const Row& row : rows)
    for (const Verb verb : kVerbs) {
      const double value = ratio(row.cell(verb, Side::kOurs), row.cell(verb, Side::kReference));
      bars.push_back(make_bar(std::string(to_string(verb)) + " " + row.what.title +
                                  format(": at most %g x the earlier build", kSlowerLimit),
                              "%.3f x", value, value <= kSlowerLimit));
    }
  return bars;
}

}  // namespace bench
