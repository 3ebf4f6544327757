// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/session.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "libcni/base/file.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/unique_fd.h"
#include "libcni/json/object.h"
#include "libcni/json/parse.h"
#include "libcni/log/log.h"
#include "libcni/runtime/conf_dir.h"
#include "tools/cnitool/command_line.h"
#include "tools/cnitool/failure.h"
#include "tools/cnitool/sandbox.h"
#include "tools/cnitool/trace.h"

namespace cnitool {
namespace {

void append_networks(std::vector<std::string>& networks, const std::string& word) {
  std::size_t start = 0;
  while (start <= word.size()) {
    const std::size_t end = std::min(word.find(',', start), word.size());
    if (end > start) networks.push_back(word.substr(start, end - start));
    start = end + 1;
  }
}

void note_warnings(const runtime::NetworkList& list) {
  for (const auto& warning : list.warnings) warn(warning);
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Returns `text` unchanged if it is JSON, else as a JSON string, so that --cap mac=02:... needs no
/// quotes. Throws UsageError for text that begins like JSON and is not.
std::string json_or_string(const std::string& pair, const std::string& text) {
  if (nlohmann::json::accept(text)) return text;
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos || std::string_view("[{\"").find(text[begin]) == std::string::npos)
    return json::quote(text);
  try {
    json::parse_value(text, "the value");
  } catch (const cni::Error& error) {
    throw UsageError("--cap " + json::quote(pair) + ": " + error.what());
  }
  return text;
}

void read_capabilities(const Options& options, runtime::CapabilityArgs& capabilities) {
  const auto merge = [&](const std::string& text, const std::string& source) {
    if (text.empty()) return;
    try {
      for (auto& [name, value] : runtime::parse_capability_args(text)) capabilities[name] = value;
    } catch (const cni::Error& error) {
      throw UsageError(source + " must be a JSON object: " + runtime::error_text(error));
    }
  };
  merge(variable("CAP_ARGS"), "CAP_ARGS");
  if (!options.cap_file.empty()) merge(read_input(options.cap_file), options.cap_file);
  for (const auto& pair : options.caps) {
    const std::size_t equals = pair.find('=');
    if (equals == 0 || equals == std::string::npos) {
      throw UsageError("--cap \"" + pair + "\": write NAME=VALUE, such as mac=02:00:00:00:00:01");
    }
    capabilities[pair.substr(0, equals)] = json_or_string(pair, pair.substr(equals + 1));
  }
}

/// The attachments of the container in the cache, the latest first, which is the order for DEL.
std::vector<runtime::CacheEntry> cached_latest_first(const runtime::Cache& cache,
                                                     const std::string& container_id) {
  auto entries = cache.list(container_id);
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return a.written_at > b.written_at; });
  return entries;
}

Target target_from_cache(const Options& options, const runtime::CacheEntry& entry) {
  Target target{runtime::list_from_entry(entry), entry.conf};
  read_arguments(options, target.conf);
  return target;
}

std::vector<Target> all_from_cache(const Options& options, const runtime::RuntimeConf& conf) {
  const runtime::Cache cache(options.cache_dir);
  std::vector<Target> targets;
  for (const auto& entry : cached_latest_first(cache, conf.container_id)) {
    targets.push_back(target_from_cache(options, entry));
  }
  if (options.command == "check") std::reverse(targets.begin(), targets.end());
  return targets;
}

/// The network from its file, or from the cache if the file is missing or broken.
runtime::NetworkList find_list(const Options& options, const std::string& name,
                               const runtime::RuntimeConf& conf) {
  if (options.command == "add" || !options.conf.empty()) return load_network(options, name);
  try {
    return load_network(options, name);
  } catch (const cni::Error& error) {
    const auto entry = runtime::Cache(options.cache_dir).find(name, conf);
    if (!entry || entry->config.empty()) throw;
    note(runtime::error_text(error) + ": using the configuration of the cache");
    return runtime::list_from_entry(*entry);
  }
}

/// The namespace from the cache, when only the container is given.
std::string netns_from_cache(const Options& options) {
  for (const auto& entry : runtime::Cache(options.cache_dir).list(options.container_id)) {
    if (!entry.conf.netns.empty()) return entry.conf.netns;
  }
  return "";
}

runtime::RuntimeConf base_conf(const Options& options, const Words& words) {
  runtime::RuntimeConf conf;
  conf.netns = words.netns;
  conf.container_id = options.container_id;
  if (conf.netns.empty() && options.command != "add") conf.netns = netns_from_cache(options);
  if (conf.container_id.empty()) conf.container_id = derive_container_id(conf.netns);
  return conf;
}

/// Returns whether no namespace is given although the command needs one.
bool lacks_netns(const Options& options, const Words& words) {
  if (!words.netns.empty()) return false;
  return options.command == "add" ? !options.create_netns : options.container_id.empty();
}

}  // namespace

Words read_words(const Options& options) {
  Words words;
  const bool whole_word_list = !options.netns.empty() || (options.command == "exec");
  std::size_t networks =
      whole_word_list ? options.words.size() : std::min<std::size_t>(options.words.size(), 1);
  if (!whole_word_list && options.words.size() == 1 && (options.all || !options.conf.empty()))
    networks = 0;
  for (std::size_t i = 0; i < networks; ++i) append_networks(words.networks, options.words[i]);
  if (!options.netns.empty()) {
    words.netns = netns_of(options.netns);
  } else if (networks < options.words.size()) {
    words.netns = netns_of(options.words[networks]);
    for (std::size_t i = networks + 1; i < options.words.size(); ++i) {
      note("ignored \"" + options.words[i] +
           "\"; several networks are written NET,NET or with --netns");
    }
  }
  const bool lacks_network = words.networks.empty() && !options.all && options.conf.empty();
  if (lacks_network || lacks_netns(options, words)) {
    throw UsageError(std::string(lacks_network ? "no network" : "no network namespace") +
                     " given. " + usage_of(options.command));
  }
  return words;
}

runtime::RuntimeOptions runtime_options(const Options& options) {
  runtime::RuntimeOptions result;
  result.exec.plugin_dirs = options.plugin_dirs;
  result.exec.observer = make_observer(options);
  result.cache_dir = options.cache_dir;
  result.timeout = options.timeout;
  if (options.timeout) result.status_timeout = *options.timeout;
  result.retry.attempts = options.retry + 1;
  result.rollback = !options.keep_failed;
  result.force = options.force;
  result.continue_on_error = options.keep_going;
  result.skip_missing = options.keep_going;
  result.locking = true;
  result.owner = "cnitool";
  return result;
}

std::vector<std::string> networks_of(const Options& options) {
  std::vector<std::string> networks;
  if (!options.words.empty()) append_networks(networks, options.words.front());
  if (networks.empty()) networks.emplace_back();  // --conf alone names the network
  return networks;
}

runtime::NetworkList load_network(const Options& options, const std::string& name) {
  runtime::NetworkList list;
  if (options.conf.empty()) {
    list = runtime::load_network(options.conf_dir, name);
  } else if (options.conf == "-") {
    list = runtime::parse_list(read_input("-"), "standard input");
  } else {
    list = runtime::load_file(options.conf);
  }
  if (!name.empty() && list.name != name) {
    throw NotFound("\"" + options.conf + "\" holds network \"" + list.name + "\", not \"" + name +
                   "\"");
  }
  note_warnings(list);
  return list;
}

std::vector<runtime::NetworkList> load_all_networks(const Options& options) {
  std::vector<runtime::NetworkList> lists;
  for (auto& file : runtime::load_all(options.conf_dir)) {
    if (!file.list) note("skipped " + file.path + ": " + file.error);
    if (file.list && file.shadowed_by.empty()) lists.push_back(std::move(*file.list));
  }
  if (lists.empty()) throw runtime::NoConfigs(options.conf_dir);
  return lists;
}

void read_arguments(const Options& options, runtime::RuntimeConf& conf) {
  read_capabilities(options, conf.capability_args);
  std::string text = variable("CNI_ARGS");
  for (const auto& pair : options.args) text += (text.empty() ? "" : ";") + pair;
  if (text.empty()) return;
  try {
    conf.args = runtime::parse_args_text(text);
  } catch (const cni::Error& error) {
    throw UsageError(error.what());
  }
}

std::string ifname_of(const Options& options, std::size_t index) {
  if (index < options.ifnames.size()) return options.ifnames[index];
  std::string name = options.ifnames.empty() ? "eth0" : options.ifnames.back();
  const std::size_t beyond = index - (options.ifnames.empty() ? 0 : options.ifnames.size() - 1);
  if (beyond == 0) return name;
  const std::size_t digits = name.find_last_not_of("0123456789") + 1;
  const std::string number = name.substr(digits).substr(0, 9);
  const std::size_t start = number.empty() ? 0 : std::stoul(number);
  return name.substr(0, digits) + std::to_string(start + beyond);
}

std::vector<Target> resolve_targets(const Options& options) {
  const Words words = read_words(options);
  runtime::RuntimeConf conf = base_conf(options, words);
  if (options.all && options.command != "add") return all_from_cache(options, conf);
  std::vector<Target> targets;
  if (options.all) {
    for (auto& list : load_all_networks(options)) targets.push_back({std::move(list), conf});
  } else {
    auto names = words.networks;
    if (names.empty()) names.emplace_back();  // --conf alone names the network
    for (std::size_t i = 0; i < names.size(); ++i) {
      conf.ifname = ifname_of(options, i);
      targets.push_back({find_list(options, names[i], conf), conf});
    }
  }
  for (std::size_t i = 0; i < targets.size(); ++i) {
    targets[i].conf.ifname = ifname_of(options, i);
    read_arguments(options, targets[i].conf);
  }
  if (options.command == "del") std::reverse(targets.begin(), targets.end());
  return targets;
}

void note(const std::string& line) {
  logging::write(logging::Level::info, line);
}

void warn(const std::string& line) {
  logging::write(logging::Level::warning, line);
}

std::string read_input(const std::string& file) {
  if (file == "-") return base::read_all(STDIN_FILENO, "standard input");
  // The file may be a pipe, as for `<(command)`.
  const base::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) throw NotFound("file not found: \"" + file + "\"");
  if (!fd) base::throw_errno("open " + file);
  return base::read_all(fd.get(), file);
}

}  // namespace cnitool
