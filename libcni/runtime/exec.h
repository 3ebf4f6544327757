// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcni/base/subprocess.h"
#include "libcni/runtime/plugin_path.h"
#include "libcni/runtime/runtime_conf.h"
#include "libcni/spec/result.h"

namespace runtime {

/// The deadline of an operation and its total time; no deadline when `at` is empty.
struct Deadline {
  std::optional<std::chrono::steady_clock::time_point> at = {};
  std::chrono::milliseconds allowed{};

  static Deadline after(std::optional<std::chrono::milliseconds> time);
  /// The remaining time, at least zero.
  std::optional<std::chrono::milliseconds> left() const;
};

/// One run of one plugin: its input and, after its end, its output.
struct PluginRun {
  std::string type;
  std::string path;
  std::string verb;                           ///< ADD, DEL, CHECK, GC, STATUS, VERSION
  std::string plugin_name = {};               ///< the plugin object's own name, for messages
  std::vector<std::string> environment = {};  ///< complete, "K=V"; the CNI_ ones come last
  std::string input = {};
  std::string output = {};
  std::string errors = {};  ///< standard error
  int exit_code = -1;       ///< -1 when a signal ended it
  int signal = 0;
  bool timed_out = false;
  std::chrono::milliseconds allowed{};  ///< the operation's total time, when it timed out
  std::chrono::microseconds duration{};
};

/// Is called for every plugin call, in the calling thread: for tracing, and to stream standard
/// error.
struct Observer {
  std::function<void(const PluginRun&)> on_start = {};
  std::function<void(const PluginRun&, std::string_view)> on_stderr =
      {};  ///< a chunk as soon as it is read
  std::function<void(const PluginRun&)> on_finish = {};
  /// A step that the library takes itself: a retry, a roll-back and its outcome.
  std::function<void(std::string_view)> on_note = {};
};

/// W3C trace context of the caller; empty members are not passed.
struct TraceContext {
  std::string traceparent = {};
  std::string tracestate = {};
  std::string baggage = {};
};

/// The settings for finding and running plugins.
struct ExecOptions {
  std::vector<std::string> plugin_dirs = {};
  Observer observer = {};
  TraceContext trace = {};
  bool die_with_parent = false;  ///< SIGKILL plugins when this process dies
  /// Replaces the process start: dry runs and tests (default base::run).
  std::function<base::Outcome(const base::Command&)> run = base::run;
};

/// A request to one plugin.
struct PluginCall {
  std::string type;
  std::string verb;
  std::string input = {};  ///< standard input, whole
  RuntimeConf conf = {};   ///< for the environment
  std::string plugin_name = {};
  Deadline deadline = {};
};

/// The answer to VERSION.
struct VersionInfo {
  std::string cni_version;
  std::vector<std::string> supported;
};

/// Finds and runs plugins.
class Executor {
 public:
  explicit Executor(ExecOptions options);

  /// Runs the plugin and returns the outcome, success or failure. Throws PluginNotFound, or
  /// PluginError when it cannot be started. The environment is that of this process plus the six
  /// CNI variables, all of them always set.
  PluginRun run(const PluginCall& call) const;
  /// run(), but throws PluginError or Timeout on failure.
  PluginRun run_checked(const PluginCall& call) const;
  /// ADD's run_checked() and its result; `version` is the request's.
  cni::Result run_add(const PluginCall& call, const std::string& version) const;
  /// VERSION.
  VersionInfo version_info(const std::string& type, Deadline deadline = {}) const;

  const PluginPath& path() const { return path_; }

 private:
  std::vector<std::string> environment_of(const PluginCall& call) const;
  base::Outcome start(const base::Command& command, const PluginRun& plugin_run) const;
  ExecOptions options_;
  PluginPath path_;
};

/// Throws PluginError or Timeout unless the invocation succeeded.
void require_success(const PluginRun& plugin_run);

}  // namespace runtime
