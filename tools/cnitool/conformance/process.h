// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "libcni/base/unique_fd.h"

namespace conformance {

/// The parameters for starting a program. The suite has a runner of its own: it must be able to
/// start a plugin with closed descriptors, a full disk as its output or a slow input, and must not
/// use the code under test.
struct ProcessSetup {
  std::string program;
  std::vector<std::string> arguments = {};    ///< after argv[0]
  std::vector<std::string> environment = {};  ///< complete: "K=V"
  std::string input = {};                     ///< bytes of standard input
  std::string input_path = {};                ///< standard input is this file or folder instead
  std::string output_path = {};               ///< standard output goes to this file instead
  std::string directory = {};                 ///< working directory, unless empty
  std::vector<int> closed = {};               ///< descriptors that are closed for the program
  int netns = -1;                             ///< network namespace it starts in, unless -1
  std::size_t chunk = 0;    ///< feed the input through a pipe, this many bytes at a time
  bool hold_input = false;  ///< input is a pipe that stays open and silent
  int kill_signal = 0;      ///< sent `kill_after` the start, unless 0
  std::chrono::microseconds kill_after{0};
  std::chrono::milliseconds timeout{20000};
};

struct Outcome {
  int exit_code = -1;  ///< -1 when killed
  int signal = 0;
  bool timed_out = false;
  std::string out;
  std::string err;
  std::chrono::microseconds took{0};
  std::chrono::microseconds cpu{
      0};  ///< user and system time; more meaningful than `took` on a busy machine
  long peak_kib = 0;
  bool succeeded() const { return exit_code == 0; }
};

/// A program that runs; several can run at once.
class Process {
 public:
  /// Throws std::system_error when it cannot be started.
  explicit Process(const ProcessSetup& setup);
  Process(Process&&) = default;
  /// Waits for its end; feeds, signals and finally kills it as the invocation says.
  Outcome finish();
  pid_t pid() const { return pid_; }

 private:
  void start();
  void feed();
  /// False when `deadline` passed first.
  bool wait_until(std::chrono::steady_clock::time_point deadline) const;

  ProcessSetup setup_;
  std::chrono::steady_clock::time_point started_;
  pid_t pid_ = -1;
  base::UniqueFd handle_;
  base::UniqueFd input_;
  base::UniqueFd feed_;
  base::UniqueFd output_;
  base::UniqueFd errors_;
};

Outcome run_process(const ProcessSetup& setup);

/// Sets close-on-exec for inherited descriptors, so that programs under test start with 0, 1 and 2
/// only.
void seal_inherited_descriptors();

/// The path of `name` in the usual system folders; empty when the tool is not installed.
std::string find_tool(const std::string& name);

}  // namespace conformance
