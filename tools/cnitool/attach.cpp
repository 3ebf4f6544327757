// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "libcni/base/stdio.h"
#include "libcni/base/undo.h"
#include "tools/cnitool/commands.h"
#include "tools/cnitool/failure.h"
#include "tools/cnitool/result_view.h"
#include "tools/cnitool/sandbox.h"
#include "tools/cnitool/session.h"

namespace cnitool {
namespace {

void note_all(const std::vector<std::string>& warnings) {
  for (const auto& warning : warnings) warn(warning);
}

/// The identity of the attachment and the place of its record, which are needed to find it again.
void note_identity(const Target& target, const Options& options) {
  if (options.verbose == 0) return;
  const runtime::Cache cache(options.cache_dir);
  note("network " + target.list.name + " version " + target.list.version + ", container " +
       target.conf.container_id + ", interface " + target.conf.ifname + ", namespace " +
       target.conf.netns + ", cache " + cache.path_of(target.list.name, target.conf));
}

Options with_netns(const Options& options) {
  Options filled = options;
  const bool named = !options.netns.empty() || options.words.size() > (options.all ? 0u : 1u);
  if (options.create_netns && !named) filled.netns = throwaway_netns();
  return filled;
}

Made add_one(const Target& target, const Options& options) {
  Made made{target, {}, {}};
  runtime::RuntimeOptions behaviour = runtime_options(options);
  auto forward = behaviour.exec.observer.on_finish;
  behaviour.exec.observer.on_finish = [&made, forward](const runtime::PluginRun& call) {
    if (call.verb == "ADD") made.calls.push_back(call);
    forward(call);
  };
  note_identity(target, options);
  made.report = runtime::Cni(behaviour).add(target.list, target.conf);
  note_all(made.report.warnings);
  return made;
}

void del_one(const Target& target, const Options& options) {
  note_identity(target, options);
  const auto report = runtime::Cni(runtime_options(options)).del(target.list, target.conf);
  note_all(report.warnings);
  for (const auto& type : report.skipped)
    warn("skipped plugin " + type + ": its executable is missing");
  if (!report.was_attached && options.verbose > 0) note(target.list.name + " was not attached");
}

void check_one(const Target& target, const Options& options) {
  note_identity(target, options);
  const auto report = runtime::Cni(runtime_options(options)).check(target.list, target.conf);
  note_all(report.warnings);
  if (report.disabled) note(target.list.name + " has disableCheck: nothing was checked");
}

/// Runs `one` for each target; with --continue goes on after a failure and reports each.
template <typename Function>
int for_each(const std::vector<Target>& targets, const Options& options, const Function& one) {
  int worst = kOk;
  for (const auto& target : targets) {
    if (!options.keep_going) {
      one(target, options);
      continue;
    }
    try {
      one(target, options);
    } catch (const std::exception& error) {
      worst = report(error, options);
    }
  }
  return worst;
}

/// Creates the namespace if --create-netns is given and it does not exist; returns whether it did.
bool ensure_netns(const Options& options, const std::string& path, base::Undo& undo) {
  if (!options.create_netns || is_alive(path)) return false;
  require_named_netns(path);
  create_netns(path);
  undo.add("remove namespace " + path, [path] { remove_netns(path); });
  if (options.verbose > 0 || !options.remove_netns) note("created namespace " + path);
  return true;
}

}  // namespace

int run_add(const Options& given) {
  const Options options = with_netns(given);
  const auto targets = resolve_targets(options);
  const std::string netns = targets.front().conf.netns;
  base::Undo undo;
  const bool created = ensure_netns(options, netns, undo);
  std::vector<Made> made;
  for (const auto& target : targets) {
    made.push_back(add_one(target, options));
    if (options.keep_failed) continue;
    undo.add("detach " + target.list.name, [target, &options] { del_one(target, options); });
  }
  if (options.program.empty() || options.format != Format::automatic) print_made(made, options);
  base::flush_stdout();  // if the result cannot be written, the attachment is undone
  const int exit_code = options.program.empty() ? kOk : run_inside(netns, options.program);
  if (options.remove_netns) {
    for (auto one = made.rbegin(); one != made.rend(); ++one) del_one(one->target, options);
    if (created) remove_netns(netns);  // never a namespace that another program made
  }
  undo.commit();
  return exit_code;
}

int run_check(const Options& options) {
  const auto targets = resolve_targets(options);
  if (targets.empty()) throw NotFound("the cache has no attachment of this container");
  return for_each(targets, options, check_one);
}

int run_del(const Options& options) {
  const auto targets = resolve_targets(options);
  if (targets.empty()) note("the cache has no attachment of this container: nothing to detach");
  const std::string netns =
      targets.empty() ? read_words(options).netns : targets.front().conf.netns;
  if (options.remove_netns) require_named_netns(netns);
  const int exit_code = for_each(targets, options, del_one);
  if (options.remove_netns) remove_netns(netns);
  return exit_code;
}

}  // namespace cnitool
