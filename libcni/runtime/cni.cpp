// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/cni.h"

#include <algorithm>

#include "libcni/runtime/chain.h"
#include "libcni/runtime/result_text.h"
#include "libcni/spec/version.h"

namespace runtime {
namespace {

void require_plugins(const NetworkList& list) {
  if (list.plugins.empty())
    throw cni::Error(cni::Code::invalid_config, "network \"" + list.name + "\" has no plugins");
}

void require_runnable(const NetworkList& list) {
  require_plugins(list);
  if (!list.version_is_valid())
    throw cni::Error(cni::Code::incompatible_version,
                     "network \"" + list.name + "\": invalid cniVersion \"" + list.version + "\"",
                     "must be a version such as \"1.0.0\"");
}

/// CHECK and DEL get the arguments of ADD, unless the caller gives others.
RuntimeConf with_cached_args(RuntimeConf conf, const std::optional<CacheEntry>& entry) {
  if (!entry) return conf;
  if (conf.args.empty()) conf.args = entry->conf.args;
  if (conf.capability_args.empty()) conf.capability_args = entry->conf.capability_args;
  return conf;
}

std::vector<CachedDropIn> drop_ins_of(const NetworkList& list) {
  std::vector<CachedDropIn> drop_ins;
  for (const PluginConf& plugin : list.plugins)
    if (plugin.drop_in) drop_ins.push_back({plugin.file, plugin.text});
  return drop_ins;
}

/// Warns when the configuration differs from that of ADD.
void warn_if_changed(const NetworkList& list, const std::optional<CacheEntry>& entry,
                     std::vector<std::string>& warnings) {
  if (!entry || entry->legacy) return;
  const bool same_drop_ins = !entry->drop_ins || *entry->drop_ins == drop_ins_of(list);
  if (entry->config != list.bytes || !same_drop_ins)
    warnings.push_back("the configuration of network \"" + list.name +
                       "\" has changed since the container was attached");
}

/// The chain that ADD used, as far as the entry contains it.
NetworkList with_cached_drop_ins(NetworkList list, const std::optional<CacheEntry>& entry) {
  if (!entry || !entry->drop_ins) return list;
  std::erase_if(list.plugins, [](const PluginConf& plugin) { return plugin.drop_in; });
  for (const CachedDropIn& drop_in : *entry->drop_ins) {
    list.plugins.push_back(parse_plugin(drop_in.text, drop_in.file));
    list.plugins.back().file = drop_in.file;
    list.plugins.back().drop_in = true;
  }
  return list;
}

}  // namespace

Cni::Cni(RuntimeOptions options) : options_(std::move(options)), executor_(options_.exec) {}

Cache Cni::cache(const RuntimeConf& conf) const {
  if (!options_.cache_dir.empty()) return Cache(options_.cache_dir);
  return Cache(conf.cache_dir.empty() ? kDefaultCacheDir : conf.cache_dir);
}

Cni::Locks Cni::lock(const NetworkList& list, const RuntimeConf& conf) const {
  Locks locks;
  if (!options_.locking) return locks;
  const std::string dir = cache(conf).dir();
  locks.network.emplace(Lock::network(dir, list.name, Lock::Mode::shared, options_.lock_patience));
  locks.container.emplace(Lock::container(dir, conf.container_id, options_.lock_patience));
  return locks;
}

NetworkList Cni::with_version(const NetworkList& list) const {
  NetworkList copy = list;
  if (options_.common_version) copy.version = common_version(list);
  return copy;
}

std::optional<CacheEntry> Cni::recall(const NetworkList& list, const RuntimeConf& conf,
                                      std::vector<std::string>& warnings) const {
  try {
    return cache(conf).find(list.name, conf);
  } catch (const cni::Error& error) {
    warnings.push_back(std::string("continuing without the cached attachment: ") + error.what());
    return std::nullopt;
  }
}

void Cni::refuse_attached(const NetworkList& list, const RuntimeConf& conf,
                          AddReport& report) const {
  const auto entry = recall(list, conf, report.warnings);
  if (!entry || options_.force) return;
  if (entry->from_earlier_boot()) {
    report.warnings.push_back(entry->file + " is of an earlier boot and will be replaced");
    return;
  }
  throw AlreadyAttached(cni::Code::invalid_config,
                        "container \"" + conf.container_id +
                            "\" is already attached to network \"" + list.name + "\" as " +
                            conf.ifname,
                        "cached in " + entry->file + "; run DEL first");
}

void Cni::remember(const NetworkList& list, const RuntimeConf& conf,
                   const AddReport& report) const {
  CacheEntry entry;
  entry.network = list.name;
  entry.conf = conf;
  entry.config = list.bytes;
  entry.result = result_text(report.result, list.version, Layout::compact);
  entry.boot_id = current_boot_id();
  entry.owner = options_.owner;
  entry.drop_ins = drop_ins_of(list);
  cache(conf).write(entry);
}

void Cni::roll_back(const NetworkList& list, const RuntimeConf& conf,
                    const std::optional<cni::Result>& last) const {
  const auto note = [this](const std::string& text) {
    if (options_.exec.observer.on_note) options_.exec.observer.on_note(text);
  };
  note("rolling back the failed ADD of network \"" + list.name + "\"");
  std::optional<std::string> prev_result;
  if (last && list.supports_check())
    prev_result = result_text(*last, list.version, Layout::compact);
  DelReport report;
  try {
    Chain(options_, executor_, list, Deadline::after(options_.timeout))
        .del(conf, prev_result, report);
    note("rolled back");
  } catch (const std::exception& error) {
    note(std::string("roll-back failed: ") + error.what());
  }
}

AddReport Cni::add(const NetworkList& given, const RuntimeConf& conf) const {
  require_runnable(given);
  const NetworkList list = with_version(given);
  const Chain chain(options_, executor_, list, Deadline::after(options_.timeout));
  chain.require_executables("ADD");
  require_valid(conf, list.name);
  const Locks locks = lock(list, conf);
  AddReport report{.result = {}, .version = list.version, .result_text = {}};
  refuse_attached(list, conf, report);
  std::optional<cni::Result> last;
  try {
    report.steps = chain.add(conf, last);
    report.result = *last;
    report.result_text = result_text(*last, list.version, Layout::indented);
  } catch (...) {
    if (options_.rollback) roll_back(list, conf, last);
    throw;
  }
  try {
    remember(list, conf, report);
  } catch (...) {
    // Without an entry no later DEL could undo this attachment.
    roll_back(list, conf, last);
    throw;
  }
  return report;
}

DelReport Cni::del_known(const NetworkList& given, const RuntimeConf& conf,
                         Deadline deadline) const {
  DelReport report;
  const auto entry = recall(given, conf, report.warnings);
  report.was_attached = entry.has_value();
  warn_if_changed(given, entry, report.warnings);
  const NetworkList list = with_cached_drop_ins(given, entry);
  require_plugins(list);
  std::optional<std::string> prev_result;
  if (entry && entry->result && list.supports_check()) {
    try {
      prev_result = convert_result(*entry->result, list.version, entry->file);
    } catch (const cni::Error& error) {
      report.warnings.push_back(std::string("continuing without prevResult: ") + error.what());
    }
  }
  Chain(options_, executor_, list, deadline)
      .del(with_cached_args(conf, entry), prev_result, report);
  try {
    cache(conf).remove(list.name, conf);
  } catch (const cni::Error&) {
    // The name cannot have an entry; recall() has warned.
  }
  return report;
}

DelReport Cni::del(const NetworkList& given, const RuntimeConf& conf) const {
  std::vector<std::string> warnings;
  NetworkList list = given;
  try {
    list = with_version(given);
  } catch (const cni::Error& error) {
    warnings.push_back(std::string(error.what()) + "; using version " + list.version);
  }
  try {
    require_valid(conf, list.name);
  } catch (const cni::Error& error) {
    warnings.push_back(std::string(error.what()) +
                       "; no attachment can have this name, deleting all the same");
  }
  const Locks locks = lock(list, conf);
  DelReport report = del_known(list, conf, Deadline::after(options_.timeout));
  report.warnings.insert(report.warnings.begin(), warnings.begin(), warnings.end());
  return report;
}

CheckReport Cni::check(const NetworkList& given, const RuntimeConf& conf) const {
  const NetworkList list = with_version(given);
  if (!list.supports_check()) throw CheckUnsupported(list.version);
  if (list.disable_check) return {.disabled = true};
  require_runnable(list);
  require_valid(conf, list.name);
  const Locks locks = lock(list, conf);
  CheckReport report;
  const auto entry = cache(conf).find(list.name, conf);
  if (!entry && !options_.force)
    throw NotAttached(cni::Code::unknown_container,
                      "container \"" + conf.container_id + "\" is not attached to network \"" +
                          list.name + "\" as " + conf.ifname,
                      "no " + cache(conf).path_of(list.name, conf));
  warn_if_changed(list, entry, report.warnings);
  std::optional<std::string> prev_result;
  if (entry && entry->result)
    prev_result = convert_result(*entry->result, list.version, entry->file);
  RuntimeConf full = with_cached_args(conf, entry);
  if (full.netns.empty() && entry) full.netns = entry->conf.netns;
  const NetworkList known = with_cached_drop_ins(list, entry);
  const Chain chain(options_, executor_, known, Deadline::after(options_.timeout));
  for (const PluginConf& plugin : known.plugins) {
    chain.check(plugin, full, prev_result);
    report.checked.push_back(plugin.type);
  }
  return report;
}

StatusReport Cni::status(const NetworkList& given) const {
  const NetworkList list = with_version(given);
  StatusReport report{.supported = list.supports_gc()};
  if (!report.supported) return report;
  const Chain chain(options_, executor_, list,
                    Deadline::after(options_.timeout.value_or(options_.status_timeout)));
  for (const PluginConf& plugin : list.plugins) {
    chain.status(plugin);
    report.ready.push_back(plugin.type);
  }
  return report;
}

}  // namespace runtime
