// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libcni/base/boot_time.h"
#include "libcni/base/netns.h"
#include "libcni/json/object.h"
#include "libcni/spec/error.h"
#include "libcni/spec/result.h"
#include "libcni/spec/version.h"

namespace cni {

enum class Verb { add, del, check, gc, status, version };

/// The checked input from the runtime: environment, configuration and everything derived from them.
struct Request {
  Verb verb = Verb::add;
  std::string container_id = {};
  std::string ifname = {};
  /// CNI_NETNS verbatim, the `sandbox` of results; may be empty on DEL.
  std::string netns = {};
  std::string args = {};        ///< CNI_ARGS, unparsed: see spec/args.h
  std::string path = {};        ///< CNI_PATH
  std::string stdin_text = {};  ///< the bytes that a delegate gets
  json::Object config = {};
  std::string network = {};  ///< the configuration's `name`
  Version version = {};      ///< the configuration's `cniVersion`
  /// The sandbox, opened once. Set on ADD and CHECK if Plugin::opens_sandbox; on DEL only if the
  /// namespace exists and is not our own. Never set on GC and STATUS.
  std::optional<base::Netns> sandbox = {};
  /// On DEL it is also absent when it cannot be parsed.
  std::optional<Result> prev_result = {};
  /// The time at which this call began: GC's list does not contain attachments that were made
  /// later.
  base::BootTime began = base::boot_time();
  std::chrono::system_clock::time_point started = std::chrono::system_clock::now();
  /// GC: the attachments that are still in use; everything else of this network is to be removed.
  std::vector<Attachment> valid_attachments = {};

  bool is_valid(const Attachment& attachment) const;
  /// `began` on the wall clock, or earlier if the clock was set back since, so that a file that is
  /// newer than this call is never taken for an older one.
  std::chrono::system_clock::time_point earliest_start() const;
};

/// A CNI plugin: one function per verb; an unset one succeeds. Functions throw cni::Error or
/// std::system_error; only plugin_main() writes standard output, once, last.
struct Plugin {
  std::string_view name;
  std::function<Result(const Request&)> add;
  std::function<void(const Request&)> del = {};
  std::function<void(const Request&)> check = {};
  std::function<void(const Request&)> gc = {};
  std::function<void(const Request&)> status = {};
  /// The versions in the answer to VERSION.
  std::span<const Version> versions = kVersions;
  /// ADD and CHECK need a prevResult: without one they fail with code 7.
  bool chained = false;
  /// Run by `--validate`: throws the error of ADD for a configuration that ADD would refuse, and
  /// changes nothing.
  std::function<void(const Request&)> parse = {};
  /// Every key of the configuration with its type, as words of json/known_keys.h. All keys of an
  /// IPAM plugin begin with `ipam.`.
  std::string_view keys = {};
  /// False for a plugin that never enters the sandbox: then CNI_NETNS may be a path that does not
  /// exist here, and `Request::sandbox` may also be missing on ADD and CHECK.
  bool opens_sandbox = true;
};

/// The interfaces of the process to the outside, injected in tests.
struct Edges {
  std::function<std::optional<std::string>(const char*)> getenv;
  std::function<std::string()> read_stdin;
  std::function<void(std::string_view)> write_stdout;
  std::function<void(std::string_view)> write_stderr;
  /// The time at which the process that serves this call began.
  std::function<base::BootTime()> process_start = base::boot_time;
};

/// Runs one CNI invocation; returns the process exit code. Contains the only catch of a plugin.
int plugin_main(const Plugin& plugin, const Edges& edges);

/// The same with the real arguments, environment, standard input and output.
int plugin_main(const Plugin& plugin, int argc, char** argv);

/// Throws code 7 `Required prevResult missing` unless there is one.
const Result& require_prev_result(const Request& request);

}  // namespace cni
