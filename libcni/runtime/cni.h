// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "libcni/runtime/cache.h"
#include "libcni/runtime/errors.h"
#include "libcni/runtime/exec.h"
#include "libcni/runtime/lock.h"
#include "libcni/runtime/network_list.h"
#include "libcni/runtime/report.h"
#include "libcni/runtime/request.h"
#include "libcni/runtime/runtime_conf.h"

namespace runtime {

/// Repeats a plugin call that fails with code 11; off by default.
struct Retry {
  int attempts = 1;
  std::chrono::milliseconds delay{200};  ///< doubles each time
};

/// The behaviour of this runtime. The defaults are those of the reference, without its known
/// faults.
struct RuntimeOptions {
  ExecOptions exec = {};
  std::string cache_dir = {};  ///< empty: RuntimeConf::cache_dir, else /var/lib/cni
  std::optional<std::chrono::milliseconds> timeout = {};  ///< for each operation
  std::chrono::milliseconds status_timeout{5000};         ///< for each STATUS
  Retry retry = {};
  bool rollback = false;  ///< a failed ADD is followed by DEL of the chain
  bool force =
      false;  ///< allow a second ADD, GC of another runtime's network, CHECK without an entry
  bool skip_missing = false;       ///< DEL skips plugins whose executable is missing
  bool continue_on_error = false;  ///< DEL goes on after a failure
  bool common_version = false;     ///< ask the plugins and use the highest version that all support
  bool locking = false;            ///< per-network and per-container locks
  std::chrono::milliseconds lock_patience{60000};
  std::string owner =
      {};  ///< recorded in the cache; GC refuses networks in which this owner has attached nothing
};

/// The runtime side of CNI: runs a network's plugins for one attachment and records it in the
/// cache. Operations throw PluginNotFound, PluginError, Timeout and the errors named at each.
class Cni {
 public:
  explicit Cni(RuntimeOptions options);

  /// Everything is checked before the first plugin runs. Throws AlreadyAttached. A failure leaves
  /// no cache entry; the chain is rolled back if RuntimeOptions ask for it, and always when the
  /// entry cannot be written.
  AddReport add(const NetworkList& list, const RuntimeConf& conf) const;

  /// Runs the plugins in reverse order, stops at the first error and then keeps the entry. Works
  /// without an entry. Arguments that the caller leaves empty come from the entry.
  DelReport del(const NetworkList& list, const RuntimeConf& conf) const;

  /// Throws CheckUnsupported before anything else, NotAttached without an entry.
  CheckReport check(const NetworkList& list, const RuntimeConf& conf) const;

  /// Runs DEL for every cached attachment that is not valid, then GC of every plugin; does all it
  /// can and reports the failures. Without `args` everything of this network is stale.
  [[nodiscard]] GcReport gc(const NetworkList& list, const std::optional<GcArgs>& args) const;
  /// The attachments that gc() would delete.
  std::vector<CacheEntry> stale_attachments(const NetworkList& list,
                                            const std::optional<GcArgs>& args) const;

  /// Throws PluginError with code 50 or 51 of the first plugin that is not ready.
  StatusReport status(const NetworkList& list) const;

  /// Checks executables, versions and keys; lists all problems, never throws.
  ValidateReport validate(const NetworkList& list) const;
  VersionInfo version_info(const std::string& type) const;
  /// The highest version of the list that all its plugins support. Throws cni::Error(1).
  std::string common_version(const NetworkList& list) const;

  Cache cache(const RuntimeConf& conf = {}) const;
  const Executor& executor() const { return executor_; }
  const RuntimeOptions& options() const { return options_; }

 private:
  /// The locks of one operation; none unless RuntimeOptions ask for them.
  struct Locks {
    std::optional<Lock> network = {};
    std::optional<Lock> container = {};
  };
  Locks lock(const NetworkList& list, const RuntimeConf& conf) const;
  NetworkList with_version(const NetworkList& list) const;
  /// The entry; nothing, with a warning, when it cannot be used.
  std::optional<CacheEntry> recall(const NetworkList& list, const RuntimeConf& conf,
                                   std::vector<std::string>& warnings) const;
  void refuse_attached(const NetworkList& list, const RuntimeConf& conf, AddReport& report) const;
  void remember(const NetworkList& list, const RuntimeConf& conf, const AddReport& report) const;
  void roll_back(const NetworkList& list, const RuntimeConf& conf,
                 const std::optional<cni::Result>& last) const;
  DelReport del_known(const NetworkList& list, const RuntimeConf& conf, Deadline deadline) const;
  void require_owned(const NetworkList& list) const;

  RuntimeOptions options_;
  Executor executor_;
};

}  // namespace runtime
