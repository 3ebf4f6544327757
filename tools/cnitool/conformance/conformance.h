// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "tools/cnitool/conformance/context.h"
#include "tools/cnitool/conformance/recorder.h"

/// Runs the plugin-side rows of the requirement list, S-001 to S-265, against any plugin binary, as
/// a black box: a binary, an environment, standard input, a namespace. Every row runs in a world of
/// its own.
namespace conformance {

struct Options {
  std::string binary;
  std::string config = {};             ///< JSON to run it with; empty: its type's example
  std::vector<std::string> rows = {};  ///< `S-039` or groups `A4`; empty: all
  /// Levels whose rows make the report fail.
  std::vector<std::string> required = {"MUST", "REF", "NEW"};
  unsigned jobs = 2;
  /// Progress: the row that was finished, how many are, and of how many.
  std::function<void(const std::string& row, std::size_t done, std::size_t all)> on_row = {};
};

enum class State { passed, failed, skipped, not_applicable };

struct RowReport {
  std::string id;
  std::string level;
  std::string gist;
  State state = State::passed;
  std::vector<Finding> findings = {};
  std::string reason = {};  ///< why it was skipped
};

struct Report {
  Subject subject;
  std::vector<RowReport> rows;
  std::vector<std::string> required;
  /// No row of a required level fell short.
  bool passed() const;
};

/// Throws cni::Error for a binary, configuration or row that does not exist, std::system_error when
/// the machine does not allow network and mount namespaces.
Report run(const Options& options);

/// For people: what falls short first, with expected and seen, then counts per level. `verbose`
/// lists all rows.
std::string to_text(const Report& report, bool verbose);
/// For programs: one object, indented.
std::string to_json(const Report& report);

}  // namespace conformance
