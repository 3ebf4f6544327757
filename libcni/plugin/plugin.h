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

/// What the runtime passed in, checked: environment, configuration and what follows from them.
struct Request {
  Verb verb = Verb::add;
  std::string container_id = {};
  std::string ifname = {};
  /// CNI_NETNS verbatim, the `sandbox` of results (S-037); may be empty on DEL.
  std::string netns = {};
  std::string args = {};        ///< CNI_ARGS, unparsed: see spec/args.h
  std::string path = {};        ///< CNI_PATH
  std::string stdin_text = {};  ///< the bytes a delegate gets (S-230)
  json::Object config = {};
  std::string network = {};  ///< the configuration's `name`
  Version version = {};      ///< the configuration's `cniVersion`
  /// The sandbox, opened once (S-045). There on ADD and CHECK if Plugin::opens_sandbox; on DEL only
  /// while the namespace lives and is not our own (S-039, S-042, S-043, F-06). Never on GC and
  /// STATUS.
  std::optional<base::Netns> sandbox = {};
  /// Absent on DEL also when it cannot be read (S-167).
  std::optional<Result> prev_result = {};
  /// When this call began: what others made since is unknown to GC's list (S-203).
  base::BootTime began = base::boot_time();
  std::chrono::system_clock::time_point started = std::chrono::system_clock::now();
  /// GC: what is still in use; all else of this network is to go (S-190 to S-194).
  std::vector<Attachment> valid_attachments = {};

  bool is_valid(const Attachment& attachment) const;
  /// `began` on the wall clock, or earlier where that was set back since: a file that is newer than
  /// this call is never taken for an older one.
  std::chrono::system_clock::time_point earliest_start() const;
};

/// A CNI plugin: one function per verb; an unset one succeeds (S-201). Functions throw cni::Error
/// or std::system_error; only plugin_main() writes standard output, once, last (S-083, S-086).
struct Plugin {
  std::string_view name;
  std::function<Result(const Request&)> add;
  std::function<void(const Request&)> del = {};
  std::function<void(const Request&)> check = {};
  std::function<void(const Request&)> gc = {};
  std::function<void(const Request&)> status = {};
  /// What VERSION answers (S-074).
  std::span<const Version> versions = kVersions;
  /// ADD and CHECK need a prevResult: without one they end with code 7 (S-218).
  bool chained = false;
  /// Throws as ADD does for a configuration that it refuses, and neither makes nor changes
  /// anything: what `--validate` runs.
  std::function<void(const Request&)> parse = {};
  /// Every key of the configuration for json::find_unknown_keys(); an IPAM plugin's all begin with
  /// `ipam.`.
  std::string_view keys = {};
  /// False for a plugin that never enters the sandbox: then CNI_NETNS may be a path that does not
  /// exist here, and `Request::sandbox` may be missing on ADD and CHECK, too (R3).
  bool opens_sandbox = true;
};

/// The process edges, injected for tests.
struct Edges {
  std::function<std::optional<std::string>(const char*)> getenv;
  std::function<std::string()> read_stdin;
  std::function<void(std::string_view)> write_stdout;
  std::function<void(std::string_view)> write_stderr;
  /// When the process that serves this call began.
  std::function<base::BootTime()> process_start = base::boot_time;
};

/// Runs one CNI invocation; returns the process exit code. Holds the one catch of a plugin.
int plugin_main(const Plugin& plugin, const Edges& edges);

/// The same on the real environment, standard input and output (S-006 for argv, S-089, S-090,
/// S-092).
int plugin_main(const Plugin& plugin, int argc, char** argv);

/// Throws code 7 `Required prevResult missing` unless there is one.
const Result& require_prev_result(const Request& request);

}  // namespace cni
