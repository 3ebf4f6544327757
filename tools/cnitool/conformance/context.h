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

/// One violation of a row by a plugin.
struct Finding {
  std::string row;
  std::string what;
  std::string expected;
  std::string seen;
};

/// An invocation to be run: environment, configuration, process.
struct Call {
  std::map<std::string, std::string> environment;
  Json config;
  std::string raw;  ///< sent instead of the configuration, unless empty
  bool foreign =
      false;  ///< the error of a double may be passed on: its code and text are not checked
  ProcessSetup process;

  Call& set(const std::string& name, const std::string& value);
  Call& unset(const std::string& name);
  Call& with(const std::string& key, const Json& value);
  Call& merge(const Json& patch);
  Call& without(const std::string& key);
  Call& input(const std::string& text);
  Call& from_doubles();
  std::string verb() const;
};

/// The environment of a row: separate namespaces, and the violations noted so far.
class Context {
 public:
  Context(const Subject& subject, std::string row);

  const Subject& subject() const { return subject_; }
  const Recorder& recorder() const { return recorder_; }

  /// The plain call of a verb: container c1, the sandbox, the subject's configuration at its newest
  /// version.
  Call call(const std::string& verb) const;
  Call call(const std::string& verb, const std::string& version) const;
  /// A call in which the recorder `ipam` is the IPAM plugin.
  Call delegated(const std::string& verb) const;

  /// The invocation of a call, for checks that run several at once. Before an ADD of a chained
  /// plugin the pod's interface is made where it is missing, and prevResult names the interface and
  /// the sandbox of the call unless the row has given another one. Where the configuration names
  /// the device that a pod gets, or a VLAN, each attachment has its own.
  ProcessSetup prepare(const Call& call) const;
  /// Runs the call, and notes violations that are wrong for every plugin (S-083 to S-086, S-095,
  /// S-107 and others).
  Outcome run(const Call& call);
  /// ADD that is expected to succeed; its result, null when it failed.
  Json add(const Call& call);
  Json add() { return add(call("ADD")); }
  /// Runs ADD and DEL of another container, so that shared objects that stay exist already.
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
  /// The same, but gives the kernel 3 seconds to finish asynchronous removals.
  void expect_restored(const Snapshot& before, const std::string& what);
  void skip(const std::string& reason) { skipped_ = reason; }

  const std::vector<Finding>& findings() const { return findings_; }
  const std::string& skipped() const { return skipped_; }

 private:
  Json chained_config(const Call& call) const;
  Json config_of_attachment(const Call& call) const;
  void note(const std::string& row, const std::string& what, const Outcome& outcome);
  void inspect_success(const Call& call, const Outcome& outcome);
  void inspect_error(const Call& call, const Outcome& outcome);

  const Subject& subject_;
  std::string row_;
  Recorder recorder_;
  std::vector<Finding> findings_;
  std::string skipped_;
};

/// Parses `text` as one JSON document; discarded (is_discarded()) when it is not exactly one.
Json parse_json(const std::string& text);
/// The outcome of an invocation, on one line.
std::string describe(const Outcome& outcome);
/// The `code` of an error object, -1 when there is none.
int code_of(const Outcome& outcome);

}  // namespace conformance
