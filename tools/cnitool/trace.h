// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "libcni/runtime/exec.h"
#include "tools/cnitool/options.h"

namespace cnitool {

/// Forwards plugins' standard error and, with -v, logs each call with its time; with --trace also
/// environment, input and output.
runtime::Observer make_observer(const Options& options);

/// `1.8 ms`, three digits at most.
std::string duration_text(std::chrono::microseconds duration);

/// `exit 0`, `killed by signal 9` or `timed out`.
std::string ending_text(const runtime::PluginRun& call);

/// The whole exchange, for a person: the CNI_ part of the environment, input, output, errors,
/// ending.
std::string request_text(const runtime::PluginRun& call);
std::string reply_text(const runtime::PluginRun& call);

}  // namespace cnitool
