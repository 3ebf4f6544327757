// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcni/base/file.h"

namespace base {

/// A program to run to its end.
struct Command {
  std::string path;                                  ///< executed without a search in $PATH
  std::vector<std::string> argv;                     ///< empty: {path}
  std::vector<std::string> environment;              ///< complete: "K=V"
  std::string_view input;                            ///< its standard input
  std::optional<std::chrono::milliseconds> timeout;  ///< SIGTERM to its process group, then SIGKILL
  std::function<void(std::string_view)>
      on_stderr;                          ///< gets standard error as it comes; unset: inherited
  std::size_t most_output = kMostInFile;  ///< bytes of standard output, and of standard error
  bool die_with_parent = true;  ///< SIGKILL it when this process dies; runtimes turn it off
  int descriptor = -1;          ///< descriptor that it inherits under the same number; -1: none
};

struct Outcome {
  int exit_code = -1;  ///< -1 when killed by a signal
  int signal = 0;      ///< the signal that killed it, or 0
  bool timed_out = false;
  std::string output;  ///< its standard output
  bool ok() const { return exit_code == 0 && !timed_out; }
};

/// Runs `command` in a process group of its own with default signal handling and no descriptor but
/// 0, 1, 2 and `descriptor`. Throws std::system_error when it cannot be started; ETXTBSY is retried
/// for 5 s. A grandchild that keeps the pipes open does not delay the return beyond the timeout. A
/// termination signal to this process, and more than `most_output` bytes of output, kill the group
/// and throw EINTR or EFBIG.
Outcome run(const Command& command);

}  // namespace base
