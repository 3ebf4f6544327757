// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

#include "tools/cnitool/options.h"

namespace cnitool {

/// The exit codes of cnitool. STATUS passes 11, 50 and 51 on.
enum Exit : int {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,
  kNotFound = 3,
  kPluginFailed = 10,
  kTryAgain = 11,
  kNotAvailable = 50,
  kLimited = 51,
  kTimedOut = 124,
};

/// The command line or an environment variable is invalid: exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A network, attachment, file or plugin that was named does not exist: exit code 3.
class NotFound : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The exit code for `error`.
int exit_code_for(const std::exception& error);

/// From now on the lines on standard error begin with `cnitool:`, in colour where errors may be.
void begin_log();

/// Reports the error: one line on standard error, or with --json an error object on standard
/// output. Returns the exit code.
int report(const std::exception& error, const Options& options);

}  // namespace cnitool
