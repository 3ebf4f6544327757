// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// The programs that are compared. All three run in turn in every iteration.
enum class Side { kReference, kOurs, kFloor };
inline constexpr std::array kSides{Side::kReference, Side::kOurs, Side::kFloor};

enum class Verb { kAdd, kDel };
inline constexpr std::array kVerbs{Verb::kAdd, Verb::kDel};

const char* to_string(Side side);
const char* to_string(Verb verb);

/// The parts of the pod's attachment.
enum class Kind {
  kLoopback,
  kBridge,
  kPtp,
  kMacvlan,
  kPortmap,
  kTuning,
  kFirewall,
  kBandwidth,
  kHostLocal
};
/// Returns whether it is measured behind a bridge plugin, whose call is not timed.
constexpr bool is_chained(Kind kind) {
  return kind == Kind::kPortmap || kind == Kind::kTuning || kind == Kind::kFirewall ||
         kind == Kind::kBandwidth;
}

/// One line of the table before it is measured.
struct Case {
  std::string name;
  std::string title;
  Kind kind = Kind::kBridge;
  std::vector<Kind> behind = {};  ///< the rest of the chain, called and timed with `kind`
  bool dual = false;
  bool masq = false;
  bool spoof_check = false;  ///< the reference and the floor do not have it
  size_t reservations = 0;   ///< already in the store
  size_t mappings = 0;       ///< attachments that are already on the node
  size_t limited = 0;        ///< limited attachments with a link that are already on the node
  size_t pods = 1;           ///< above 1: so many per batch, `kParallel` at a time
  int iterations = 0;
  int quick_iterations = 0;
  bool quick_reference =
      true;  ///< false: the reference's preparation alone would take most of a minute
};
inline constexpr size_t kParallel = 32;

/// One timed call, or one timed batch of calls.
struct Sample {
  double wall_ms = 0;
  double cpu_ms = 0;  ///< user + system, the process and all its descendants
};

/// The costs of a call that do not depend on the clock; counted under ptrace, never timed.
struct Footprint {
  long processes = 0;  ///< child processes, threads not included
  long syscalls = 0;   ///< all processes and threads
  long peak_kib = 0;   ///< highest resident set of any of the processes
};

/// The measurements of one side in one case and verb.
struct Cell {
  std::vector<Sample> samples;
  Footprint footprint;
  std::string failure;  ///< the reason why samples are missing
  bool broken = false;  ///< a call failed; otherwise the side was left out on purpose
};

struct Row {
  Case what;
  std::map<std::pair<Verb, Side>, Cell> cells;
  const Cell& cell(Verb verb, Side side) const { return cells.at({verb, side}); }
};

/// Median, and the value that 99 % of the samples do not exceed; 0 for none.
double median_wall(const Cell& cell);
double median_cpu(const Cell& cell);
double p99_wall(const Cell& cell);
/// Median wall time of `numerator` over that of `denominator`; 0 when either is missing.
double ratio(const Cell& numerator, const Cell& denominator);

}  // namespace bench
