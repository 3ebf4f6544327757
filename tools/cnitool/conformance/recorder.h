// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace conformance {

/// Environment variable that a plugin under test passes on: the folder where the recorder writes
/// calls and finds the files to play.
inline constexpr const char* kRecorderVariable = "PLUMB_REC_DIR";

/// Makes the program act as the recorder, without returning, when PLUMB_REC_DIR and CNI_COMMAND are
/// both set: a copy of the program under any name is a test double of that plugin. Call it first in
/// main().
///
/// It appends one line to DIR/log: {name, verb, argv, env, stdin, fds, pid, cwd}. Then it plays
/// files NAME.VERB.WHAT, or NAME.VERB.N.WHAT for its N-th call, where WHAT is
///   stdout, stderr   text to print
///   exit             exit code
///   sleep            milliseconds to wait before the output
///   signal           number of a signal to die of
///   grandchild       seconds that a forked process keeps all descriptors open
///   mode             `passthrough` prints prevResult, `dns` adds a name server to it
/// By default ADD passes prevResult through or returns 10.77.0.2/24 in the request's version,
/// VERSION lists all versions, and everything else succeeds without output.
void maybe_act_as_recorder();

/// The controlling side: makes doubles, configures their behaviour and reads their calls.
class Recorder {
 public:
  /// `plugins` is the folder for the doubles, `directory` their PLUMB_REC_DIR; both are created.
  Recorder(std::string plugins, std::string directory);

  /// Makes the double `name`, a link to a copy of the running program.
  void install(const std::string& name) const;
  /// Makes `name` play `text` as `what`, such as ("ipam", "ADD.exit", "1").
  void play(const std::string& name, const std::string& what, const std::string& text) const;
  /// All calls so far, oldest first.
  std::vector<nlohmann::json> calls() const;
  /// Their verbs, such as "ADD DEL".
  std::string verbs() const;
  /// Deletes the recorded calls and all files to play.
  void reset() const;

  const std::string& plugins() const { return plugins_; }
  const std::string& directory() const { return directory_; }

 private:
  std::string plugins_;
  std::string directory_;
};

}  // namespace conformance
