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

/// Repeats a plugin call that answers code 11; off by default.
struct Retry {
  int attempts = 1;
  std::chrono::milliseconds delay{200};  ///< doubles each time
};

/// How this runtime behaves. The defaults are the reference's, with its holes closed.
struct Options {
  ExecOptions exec = {};
  std::string cache_dir = {};  ///< empty: RuntimeConf::cache_dir, else /var/lib/cni (R-087)
  std::optional<std::chrono::milliseconds> timeout = {};  ///< for each operation (R-070, R-072)
  std::chrono::milliseconds status_timeout{5000};         ///< R-143
  Retry retry = {};
  bool rollback = false;  ///< a failed ADD is followed by DEL of the chain (R-106, R-108)
  bool force = false;  ///< ADD twice, GC as a stranger, CHECK of the unknown (R-110, R-126, R-139)
  bool skip_missing = false;       ///< DEL passes over plugins whose executable is gone (R-119)
  bool continue_on_error = false;  ///< DEL goes on after a failure (F-13)
  bool common_version = false;     ///< ask plugins and use the highest all support (R-021)
  bool locking = false;            ///< per-network and per-container locks (R-137, R-150)
  std::chrono::milliseconds lock_patience{60000};
  std::string owner = {};  ///< recorded in the cache; enables the check of R-139
};

/// The runtime side of CNI: runs a network's plugins for one attachment and remembers what it did.
/// Operations throw PluginNotFound, PluginError, Timeout and the errors named at each.
class Cni {
 public:
  explicit Cni(Options options);

  /// Everything is checked before the first plugin runs. Throws AlreadyAttached
  /// . On failure no cache entry stays; the chain is rolled back when asked to, and
  /// always when the entry cannot be written (F-18).
  AddReport add(const NetworkList& list, const RuntimeConf& conf) const;

  /// Reverse order, stops at the first error and then keeps the entry. Works
  /// without an entry. Arguments the caller leaves empty come from the entry.
  DelReport del(const NetworkList& list, const RuntimeConf& conf) const;

  /// Throws CheckUnsupported before anything else, NotAttached without an entry.
  CheckReport check(const NetworkList& list, const RuntimeConf& conf) const;

  /// DEL of every cached attachment that is not valid, then GC of every plugin; does all it can and
  /// reports what failed. No `args`: everything of this network is stale.
  [[nodiscard]] GcReport gc(const NetworkList& list, const std::optional<GcArgs>& args) const;
  /// What gc() would delete.
  std::vector<CacheEntry> stale_attachments(const NetworkList& list,
                                            const std::optional<GcArgs>& args) const;

  /// Throws PluginError with code 50 or 51 of the first plugin that is not ready.
  StatusReport status(const NetworkList& list) const;

  /// Executables, versions, keys; lists all it finds, throws for nothing.
  ValidateReport validate(const NetworkList& list) const;
  VersionInfo version_info(const std::string& type) const;
  /// Highest of the list's versions that every plugin of it supports. Throws cni::Error(1).
  std::string common_version(const NetworkList& list) const;

  Cache cache(const RuntimeConf& conf = {}) const;
  const Executor& executor() const { return executor_; }
  const Options& options() const { return options_; }

 private:
  /// The locks of one operation; none unless asked for.
  struct Locks {
    std::optional<Lock> network = {};
    std::optional<Lock> container = {};
  };
  Locks lock(const NetworkList& list, const RuntimeConf& conf) const;
  NetworkList with_version(const NetworkList& list) const;
  /// The entry, or nothing and a warning when it cannot be used.
  std::optional<CacheEntry> recall(const NetworkList& list, const RuntimeConf& conf,
                                   std::vector<std::string>& warnings) const;
  void refuse_attached(const NetworkList& list, const RuntimeConf& conf, AddReport& report) const;
  void remember(const NetworkList& list, const RuntimeConf& conf, const AddReport& report) const;
  void roll_back(const NetworkList& list, const RuntimeConf& conf,
                 const std::optional<cni::Result>& last) const;
  DelReport del_known(const NetworkList& list, const RuntimeConf& conf, Deadline deadline) const;
  void require_owned(const NetworkList& list) const;

  Options options_;
  Executor executor_;
};

}  // namespace runtime
