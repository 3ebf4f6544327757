// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

#include "tools/cnitool/options.h"

namespace cnitool {

/// What cnitool exits with (C-29). STATUS passes 11, 50 and 51 on.
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

/// The command line or an environment variable asks for something that cannot be: exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A network, attachment, file or plugin that was named does not exist: exit code 3.
class NotFound : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The exit code that `error` ends with (C-29).
int exit_code_for(const std::exception& error);

/// Says what went wrong, one line on standard error, or with --json an error object on standard
/// output (C-17, C-29). Returns the exit code.
int report(const std::exception& error, const Options& options);

}  // namespace cnitool
