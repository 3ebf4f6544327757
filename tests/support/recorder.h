// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/temp_dir.h"

namespace test {

/// One recorded call.
struct RecordedCall {
  std::string plugin;
  std::string verb;
  std::vector<std::string> argv;
  std::vector<std::string> environment;
  std::string input;

  /// The variable's value; "(unset)" when there is none, "(twice)" when there are several.
  std::string env(std::string_view name) const;
};

/// A plugin directory of recorders: plugins that record each call and play the files that play()
/// sets. By default ADD prints prevResult or 10.0.0.2/24, VERSION prints every version, and all
/// exit with 0.
class Recorder {
 public:
  Recorder();

  /// Puts a recorder called `type` into the directory.
  void install(const std::string& type) const;
  /// Sets the behaviour of `call`, such as "pa.ADD", or "pa.ADD.2" for the second time only. `what`
  /// is stdout, stderr, exit (status), kill (signal), sleep (ms), fork (a grandchild holds the
  /// pipes for ms), or claim: "shared" or "exclusive"; the call fails with 99 when a running call
  /// excludes it.
  void play(const std::string& call, const std::string& what, const std::string& content) const;

  std::vector<RecordedCall> calls() const;
  /// "pa.ADD pb.ADD"
  std::string log() const;
  /// The calls whose "plugin.VERB" is `call`.
  std::vector<RecordedCall> calls_of(const std::string& call) const;
  void forget_calls() const;

  const std::string& dir() const { return dir_; }

 private:
  TempDir root_;
  std::string dir_;
};

}  // namespace test
