// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "libcni/runtime/report.h"
#include "libcni/spec/version.h"
#include "tools/cnitool/session.h"

namespace cnitool {

/// An attachment that was made, and the calls that made it.
struct Made {
  Target target;
  runtime::AddReport report;
  std::vector<runtime::PluginRun> calls;
};

/// Prints the result of ADD: for one network as the reference does, for several as a JSON list with
/// network and interface; with --steps also each plugin's result; or a table.
void print_made(const std::vector<Made>& made, const Options& options);

/// `result` in the format of --result-version, else of `version`. Throws UsageError for an unknown
/// one.
std::string print_result_as(const cni::Result& result, const std::string& version,
                            const Options& options);

/// Addresses with prefix, separated by commas.
std::string addresses_of(const cni::Result& result);

/// The version that `text` names, exactly as published. Throws UsageError naming `option`.
cni::Version get_version(const std::string& text, const std::string& option);

/// Prints JSON to standard output; the final newline only for a terminal, as the reference has
/// none.
void print_json(const std::string& text);

}  // namespace cnitool
