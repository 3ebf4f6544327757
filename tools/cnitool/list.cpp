// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <iostream>

#include <nlohmann/json.hpp>

#include "libcni/runtime/conf_dir.h"
#include "tools/cnitool/commands.h"
#include "tools/cnitool/failure.h"
#include "tools/cnitool/join.h"
#include "tools/cnitool/session.h"
#include "tools/cnitool/table.h"

namespace cnitool {
namespace {

using nlohmann::ordered_json;

std::string base_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

/// `bridge(host-local),portmap`; a drop-in has a `+`.
std::string chain_of(const runtime::NetworkList& list) {
  std::vector<std::string> all;
  for (const auto& plugin : list.plugins) {
    all.push_back((plugin.drop_in ? "+" : "") + plugin.type +
                  (plugin.ipam_type.empty() ? "" : "(" + plugin.ipam_type + ")"));
  }
  return join(all);
}

std::string flags_of(const runtime::NetworkList& list) {
  std::vector<std::string> all;
  if (list.disable_check) all.emplace_back("disableCheck");
  if (list.disable_gc) all.emplace_back("disableGC");
  if (list.load_only_inlined_plugins) all.emplace_back("loadOnlyInlinedPlugins");
  if (list.single) all.emplace_back("single");
  return join(all);
}

ordered_json plugins_of(const runtime::NetworkList& list, const runtime::PluginPath& path) {
  ordered_json all = ordered_json::array();
  for (const auto& plugin : list.plugins) {
    ordered_json one{{"type", plugin.type}, {"file", plugin.file}, {"dropIn", plugin.drop_in}};
    if (!plugin.ipam_type.empty()) one["ipam"] = plugin.ipam_type;
    one["capabilities"] = plugin.capabilities;
    one["binary"] = path.has(plugin.type) ? ordered_json(path.find(plugin.type)) : ordered_json();
    all.push_back(one);
  }
  return all;
}

ordered_json object_of(const runtime::ConfFile& file, const runtime::PluginPath& path) {
  ordered_json object{{"file", file.path}};
  if (!file.list) {
    object["error"] = file.error;
    return object;
  }
  const auto& list = *file.list;
  object["network"] = list.name;
  object["version"] = list.version;
  if (!file.shadowed_by.empty()) object["shadowedBy"] = file.shadowed_by;
  object["disableCheck"] = list.disable_check;
  object["disableGC"] = list.disable_gc;
  object["loadOnlyInlinedPlugins"] = list.load_only_inlined_plugins;
  object["plugins"] = plugins_of(list, path);
  object["warnings"] = list.warnings;
  return object;
}

std::vector<Cell> row_of(const runtime::ConfFile& file, bool wide) {
  const std::string shown = wide ? file.path : base_name(file.path);
  if (!file.list) {
    const std::string prefix = file.path + ": ";
    const bool repeats = file.error.starts_with(prefix);
    return {{"broken", Tone::bad},
            "",
            {repeats ? file.error.substr(prefix.size()) : file.error, Tone::bad},
            shown};
  }
  const auto& list = *file.list;
  Cell name(list.name);
  std::string source = shown;
  if (!file.shadowed_by.empty()) {
    name.tone = Tone::dim;
    source += " (hidden by " + base_name(file.shadowed_by) + ")";
  }
  std::vector<Cell> row{name, list.version, chain_of(list), source};
  if (wide) row.insert(row.end(), {flags_of(list), join(list.warnings)});
  return row;
}

int list_all(const Options& options) {
  const auto files = runtime::load_all(options.conf_dir);
  if (files.empty()) throw runtime::NoConfigs(options.conf_dir);
  const bool wide = options.format == Format::wide;
  if (options.format == Format::json) {
    const runtime::PluginPath path(options.plugin_dirs);
    ordered_json all = ordered_json::array();
    for (const auto& file : files) all.push_back(object_of(file, path));
    std::cout << all.dump(4, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    return kOk;
  }
  std::vector<std::string> header{"NETWORK", "VERSION", "PLUGINS", "FILE"};
  if (wide) header.insert(header.end(), {"FLAGS", "WARNINGS"});
  Table table(header);
  for (const auto& file : files) {
    const bool named = file.list && file.shadowed_by.empty();
    if (options.format == Format::name && named) std::cout << file.list->name << '\n';
    table.add(row_of(file, wide));
  }
  if (options.format != Format::name) print(table);
  return kOk;
}

/// The plugins in the order in which they will run, and the origin of each entry.
int list_one(const Options& options, const std::string& name) {
  const auto list = runtime::load_network(options.conf_dir, name);
  const runtime::PluginPath path(options.plugin_dirs);
  if (options.format == Format::json) {
    std::cout << object_of({list.file, list}, path).dump(4) << '\n';
    return kOk;
  }
  Table table({"PLUGIN", "IPAM", "CAPABILITIES", "ORIGIN", "BINARY"});
  for (const auto& plugin : list.plugins) {
    const bool found = path.has(plugin.type);
    const std::string origin = plugin.file + (plugin.drop_in ? " (drop-in)" : "");
    table.add({plugin.type, plugin.ipam_type, join(plugin.capabilities), origin,
               found ? Cell(path.find(plugin.type)) : Cell("missing", Tone::bad)});
  }
  print(table);
  std::cout << "version " << list.version;
  if (!flags_of(list).empty()) std::cout << ", " << flags_of(list);
  std::cout << '\n';
  for (const auto& warning : list.warnings) warn(warning);
  return kOk;
}

}  // namespace

int run_list(const Options& options) {
  return options.words.empty() ? list_all(options) : list_one(options, options.words.front());
}

}  // namespace cnitool
