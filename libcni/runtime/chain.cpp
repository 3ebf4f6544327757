// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/chain.h"

#include <poll.h>

#include <exception>

#include "libcni/base/interrupt.h"
#include "libcni/runtime/result_text.h"

namespace runtime {

Chain::Chain(const RuntimeOptions& options, const Executor& executor, const NetworkList& list,
             Deadline deadline)
    : options_(options), executor_(executor), list_(list), deadline_(deadline) {}

void Chain::require_executables(const std::string& verb) const {
  for (const PluginConf& plugin : list_.plugins)
    executor_.path().find(plugin.type, prefix_of({plugin.type, plugin.name, verb}));
}

PluginCall Chain::make_call(const PluginConf& plugin, const Context& context) const {
  const Injected injected{.name = list_.name,
                          .version = list_.version,
                          .prev_result = context.prev_result,
                          .capability_args = context.conf.capability_args,
                          .valid = context.valid};
  return {.type = plugin.type,
          .verb = context.verb,
          .input = make_request(plugin, injected),
          .conf = context.conf,
          .plugin_name = plugin.name,
          .deadline = deadline_};
}

void Chain::note(const std::string& text) const {
  if (options_.exec.observer.on_note) options_.exec.observer.on_note(text);
}

bool Chain::wait_for_retry(const PluginError& error, int attempt) const {
  if (error.code() != cni::Code::try_again_later || attempt >= options_.retry.attempts)
    return false;
  const auto delay = options_.retry.delay * (1 << std::min(attempt - 1, 10));
  if (const auto left = deadline_.left(); left && *left <= delay) return false;
  note(std::string(error.what()) + "; trying again in " + std::to_string(delay.count()) + " ms");
  ::poll(nullptr, 0, static_cast<int>(delay.count()));
  base::throw_if_interrupted();
  return true;
}

std::vector<AddStep> Chain::add(const RuntimeConf& conf, std::optional<cni::Result>& last) const {
  std::vector<AddStep> steps;
  for (const PluginConf& plugin : list_.plugins) {
    Context context{.verb = "ADD", .conf = conf};
    if (last) context.prev_result = result_text(*last, list_.version, Layout::compact);
    const PluginCall call = make_call(plugin, context);
    for (int attempt = 1;; ++attempt) {
      try {
        last = executor_.run_add(call, list_.version);
        break;
      } catch (const PluginError& error) {
        if (!wait_for_retry(error, attempt)) throw;
      }
    }
    steps.push_back({plugin.type, *last});
  }
  return steps;
}

void Chain::run(const PluginConf& plugin, const Context& context) const {
  const PluginCall call = make_call(plugin, context);
  for (int attempt = 1;; ++attempt) {
    try {
      executor_.run_checked(call);
      return;
    } catch (const PluginError& error) {
      if (!wait_for_retry(error, attempt)) throw;
    }
  }
}

void Chain::del(const RuntimeConf& conf, const std::optional<std::string>& prev_result,
                DelReport& report) const {
  std::exception_ptr first;
  for (auto each = list_.plugins.rbegin(); each != list_.plugins.rend(); ++each) {
    const PluginConf& plugin = *each;
    if (options_.skip_missing && !executor_.path().has(plugin.type)) {
      report.skipped.push_back(plugin.type);
      report.warnings.push_back("plugin \"" + plugin.type +
                                "\" is not installed: its part of the DEL was skipped");
      continue;
    }
    try {
      run(plugin, {.verb = "DEL", .conf = conf, .prev_result = prev_result});
      report.deleted.push_back(plugin.type);
    } catch (const std::exception& error) {
      if (!options_.continue_on_error) throw;
      if (first) note(error.what());
      if (!first) first = std::current_exception();
    }
  }
  if (first) std::rethrow_exception(first);
}

void Chain::check(const PluginConf& plugin, const RuntimeConf& conf,
                  const std::optional<std::string>& prev_result) const {
  run(plugin, {.verb = "CHECK", .conf = conf, .prev_result = prev_result});
}

void Chain::gc(const PluginConf& plugin, const std::optional<ValidAttachments>& valid) const {
  run(plugin, {.verb = "GC", .valid = valid});
}

void Chain::status(const PluginConf& plugin) const {
  run(plugin, {.verb = "STATUS"});
}

}  // namespace runtime
