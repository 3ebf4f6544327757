// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace conformance {

/// Set for a plugin under test, which passes it on: where the recorder writes and finds what to
/// play.
inline constexpr const char* kRecorderVariable = "PLUMB_REC_DIR";

/// A program that holds this code acts as the recorder, and does not return, when PLUMB_REC_DIR and
/// CNI_COMMAND are both set: a copy of it under any name is a test double of that plugin. First in
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
/// By default ADD passes prevResult through or hands out 10.77.0.2/24 in the request's version,
/// VERSION lists all versions, and everything else succeeds in silence.
void maybe_act_as_recorder();

/// The other side: makes doubles, tells them what to play and reads what they saw.
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
  /// Forgets the calls and all that was to be played.
  void reset() const;

  const std::string& plugins() const { return plugins_; }
  const std::string& directory() const { return directory_; }

 private:
  std::string plugins_;
  std::string directory_;
};

}  // namespace conformance
