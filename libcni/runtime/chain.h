// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libcni/runtime/cni.h"

namespace runtime {

/// Runs the plugins of one network in one operation: requests, retries, deadline.
class Chain {
 public:
  Chain(const RuntimeOptions& options, const Executor& executor, const NetworkList& list,
        Deadline deadline);

  /// Throws when an executable is missing.
  void require_executables(const std::string& verb) const;

  /// Runs all plugins in order; `last` is the answer of the last successful one.
  std::vector<AddStep> add(const RuntimeConf& conf, std::optional<cni::Result>& last) const;
  /// Runs all in reverse order.
  void del(const RuntimeConf& conf, const std::optional<std::string>& prev_result,
           DelReport& report) const;
  void check(const PluginConf& plugin, const RuntimeConf& conf,
             const std::optional<std::string>& prev_result) const;
  void gc(const PluginConf& plugin, const std::optional<ValidAttachments>& valid) const;
  void status(const PluginConf& plugin) const;

 private:
  /// The input of a call besides the plugin's own configuration.
  struct Context {
    std::string verb;
    RuntimeConf conf = {};
    std::optional<std::string> prev_result = {};
    std::optional<ValidAttachments> valid = {};
  };
  PluginCall make_call(const PluginConf& plugin, const Context& context) const;
  void run(const PluginConf& plugin, const Context& context) const;
  void note(const std::string& text) const;
  /// Returns whether to repeat the call after `error`; waits first.
  bool wait_for_retry(const PluginError& error, int attempt) const;

  const RuntimeOptions& options_;
  const Executor& executor_;
  const NetworkList& list_;
  Deadline deadline_;
};

}  // namespace runtime
