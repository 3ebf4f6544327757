// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tools/cnitool/conformance/process.h"
#include "tools/cnitool/conformance/recorder.h"
#include "tools/cnitool/conformance/snapshot.h"
#include "tools/cnitool/conformance/subject.h"
#include "tools/cnitool/conformance/world.h"

namespace conformance {

using Json = nlohmann::json;

/// One way in which a plugin falls short of a row.
struct Finding {
  std::string row;
  std::string what;
  std::string expected;
  std::string seen;
};

/// An invocation in the making: environment, configuration, process.
struct Call {
  std::map<std::string, std::string> environment;
  Json config;
  std::string raw;  ///< sent instead of the configuration, unless empty
  bool foreign =
      false;  ///< a double's error may come back: its code and text are not ours to judge
  Invocation process;

  Call& set(const std::string& name, const std::string& value);
  Call& unset(const std::string& name);
  Call& with(const std::string& key, const Json& value);
  Call& merge(const Json& patch);
  Call& without(const std::string& key);
  Call& input(const std::string& text);
  Call& from_doubles();
  std::string verb() const;
};

/// What a row runs in: a world of its own, and the notes of what fell short.
class Context {
 public:
  Context(const Subject& subject, std::string row);

  const Subject& subject() const { return subject_; }
  const Recorder& recorder() const { return recorder_; }

  /// The plain call of a verb: container c1, the sandbox, the subject's configuration at its newest
  /// version.
  Call call(const std::string& verb) const;
  Call call(const std::string& verb, const std::string& version) const;
  /// A call that the recorder `ipam` serves as IPAM plugin.
  Call delegated(const std::string& verb) const;

  /// What to start for it, for checks that run several at once.
  Invocation prepare(const Call& call) const;
  /// Runs it, and notes what no answer of any plugin may be (S-083 to S-086, S-095, S-107 and
  /// such).
  Outcome run(const Call& call);
  /// ADD that is expected to succeed; its result, null when it did not.
  Json add(const Call& call);
  Json add() { return add(call("ADD")); }
  /// ADD and DEL of another container, so that what is shared and stays is there already.
  void warm_up();

  void fail(const std::string& what, const std::string& expected, const std::string& seen);
  bool expect(bool met, const std::string& what, const std::string& expected,
              const std::string& seen);
  bool expect_ok(const Outcome& outcome, const std::string& what);
  /// An error object with one of `codes` (empty: any), whose msg and details hold all of `texts`.
  bool expect_error(const Outcome& outcome, const std::string& what, const std::vector<int>& codes,
                    const std::vector<std::string>& texts = {});
  Snapshot snapshot() const { return Snapshot::take(kSandbox); }
  void expect_unchanged(const Snapshot& before, const std::string& what);
  /// The same, giving the kernel 3 seconds to take down what it removes by and by.
  void expect_restored(const Snapshot& before, const std::string& what);
  void skip(const std::string& reason) { skipped_ = reason; }

  const std::vector<Finding>& findings() const { return findings_; }
  const std::string& skipped() const { return skipped_; }

 private:
  void note(const std::string& row, const std::string& what, const Outcome& outcome);
  void inspect_success(const Call& call, const Outcome& outcome);
  void inspect_error(const Call& call, const Outcome& outcome);

  const Subject& subject_;
  std::string row_;
  Recorder recorder_;
  std::vector<Finding> findings_;
  std::string skipped_;
};

/// The one JSON document that `text` is; discarded (is_discarded()) when it is none or several.
Json parse_json(const std::string& text);
/// What an invocation ended with, on one line.
std::string describe(const Outcome& outcome);
/// The `code` of an error object, -1 when there is none.
int code_of(const Outcome& outcome);

}  // namespace conformance
