// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "tools/cnitool/conformance/context.h"
#include "tools/cnitool/conformance/recorder.h"

/// Runs the plugin-side rows of the requirement list, S-001 to S-265, against any plugin binary, as
/// a black box: a binary, an environment, standard input, a namespace. Every row runs in separate
/// namespaces.
namespace conformance {

struct SuiteOptions {
  std::string binary;
  std::string config = {};  ///< JSON configuration of the plugin; empty: the example of its type
  std::vector<std::string> rows = {};  ///< `S-039` or groups `A4`; empty: all
  /// The levels whose rows make the report fail.
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
  /// True when no row of a required level failed.
  bool passed() const;
};

/// Throws cni::Error for a binary, configuration or row that does not exist, std::system_error when
/// the machine does not allow network and mount namespaces.
Report run(const SuiteOptions& options);

/// Report for persons: failures first, with expected and seen, then counts per level. `verbose`
/// lists all rows.
std::string to_text(const Report& report, bool verbose);
/// Report for programs: one JSON object, indented.
std::string to_json(const Report& report);

}  // namespace conformance
