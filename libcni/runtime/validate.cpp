// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <filesystem>

#include "libcni/base/nearest.h"
#include "libcni/json/known_keys.h"
#include "libcni/runtime/chain.h"
#include "libcni/runtime/cni.h"
#include "libcni/runtime/conf_dir.h"
#include "libcni/runtime/judgement.h"
#include "libcni/runtime/raw_json.h"
#include "libcni/spec/version.h"

namespace runtime {
namespace {

/// With the types that the reader of lists requires.
constexpr std::string_view kListKeys =
    "cniVersion:string cniVersions[]:string name:string disableCheck:flag disableGC:flag"
    " loadOnlyInlinedPlugins:flag plugins[]:object $schema:string";
constexpr std::array<std::string_view, 3> kReservedKeys{"runtimeConfig", "args", "prevResult"};

bool supports(const VersionInfo& info, const std::string& version) {
  return std::ranges::find(info.supported, version) != info.supported.end();
}

/// The versions of the list that this library knows, highest first.
std::vector<std::string> candidates(const NetworkList& list) {
  std::vector<cni::Version> versions;
  auto texts = list.cni_versions.value_or(std::vector<std::string>{});
  if (!list.cni_versions || !list.cni_version.empty()) texts.push_back(list.cni_version);
  for (const std::string& text : texts)
    if (const auto version = cni::Version::parse(text);
        version && std::ranges::find(cni::kVersions, *version) != cni::kVersions.end())
      versions.push_back(*version);
  std::ranges::sort(versions, std::ranges::greater{});
  std::vector<std::string> sorted;
  for (const cni::Version& version : versions) sorted.push_back(version.text());
  return sorted;
}

std::string unsupported_text(const std::string& type, const std::string& version,
                             const VersionInfo& info) {
  std::string supported;
  std::string best;
  for (const std::string& text : info.supported)
    supported += (supported.empty() ? "" : ", ") + text;
  for (const cni::Version& known : cni::kVersions)
    if (supports(info, known.text())) best = known.text();
  return "plugin " + type + " does not support config version \"" + version + "\"" +
         ": it supports " + supported +
         (best.empty() ? "" : "; \"cniVersion\": \"" + best + "\" is supported by all");
}

void add_once(std::vector<std::string>& lines, const std::string& line) {
  if (std::ranges::find(lines, line) == lines.end()) lines.push_back(line);
}

/// Asks executables for their versions and for problems of their configuration. These calls change
/// nothing.
class Interview {
 public:
  Interview(const RuntimeOptions& options, const Executor& executor, const NetworkList& list,
            ValidateReport& report)
      : options_(options), executor_(executor), list_(list), report_(report) {}

  void run() {
    for (const PluginConf& plugin : list_.plugins) {
      if (fits(plugin)) judge(plugin);
      if (plugin.ipam_type.empty() || executor_.path().has(plugin.ipam_type)) continue;
      report_.errors.push_back(
          "plugin " + plugin.type + ": " +
          PluginNotFound(plugin.ipam_type, executor_.path().dirs(), "").what());
    }
  }

 private:
  /// Returns whether the executable exists and supports the list's version.
  bool fits(const PluginConf& plugin) {
    try {
      const VersionInfo info =
          executor_.version_info(plugin.type, Deadline::after(std::chrono::seconds(5)));
      if (supports(info, list_.version)) return true;
      report_.errors.push_back(unsupported_text(plugin.type, list_.version, info));
    } catch (const std::exception& error) {
      report_.errors.emplace_back(error.what());
    }
    return false;
  }

  /// Checks a configuration by the plugin's own parser and that of its IPAM plugin. A plugin of
  /// another suite is checked by its STATUS, which includes its IPAM plugin.
  void judge(const PluginConf& plugin) {
    if (!ask_parser_of(plugin, plugin.type)) return ask_status(plugin, plugin.type);
    const std::string& ipam = plugin.ipam_type;
    if (ipam.empty() || !executor_.path().has(ipam)) return;
    if (!ask_parser_of(plugin, ipam)) ask_status(plugin, ipam);
  }

  bool ask_parser_of(const PluginConf& plugin, const std::string& type) {
    const auto judgement =
        ask_parser(options_.exec, executor_.path().find(type), configuration_of(plugin, list_));
    if (!judgement) return false;
    for (const auto& line : judgement->errors)
      report_.errors.push_back("plugin " + type + ": " + line);
    for (const auto& line : judgement->warnings)
      report_.warnings.push_back("plugin " + type + ": " + line);
    return true;
  }

  void ask_status(const PluginConf& plugin, const std::string& type) {
    if (!list_.supports_gc()) return;
    PluginConf asked = plugin;
    asked.type = type;
    try {
      Chain(options_, executor_, list_, Deadline::after(options_.status_timeout)).status(asked);
    } catch (const PluginError& error) {
      const auto code = static_cast<unsigned>(error.code());
      const bool not_ready = code == static_cast<unsigned>(cni::Code::try_again_later) ||
                             code == static_cast<unsigned>(cni::Code::not_available) ||
                             code == static_cast<unsigned>(cni::Code::limited_connectivity);
      add_once(not_ready ? report_.warnings : report_.errors,
               "plugin " + type + (not_ready ? " is not ready: " : ": ") + error.what());
    } catch (const std::exception& error) {
      add_once(report_.errors, error.what());
    }
  }

  const RuntimeOptions& options_;
  const Executor& executor_;
  const NetworkList& list_;
  ValidateReport& report_;
};

bool differs_only_in_case(std::string_view left, std::string_view right) {
  const auto lower = [](unsigned char c) { return std::tolower(c); };
  return left != right && std::ranges::equal(left, right, {}, lower, lower);
}

void check_list_keys(const NetworkList& list, ValidateReport& report) {
  if (list.single || list.bytes.empty()) return;
  std::vector<std::string_view> known;
  for (const json::KnownKey& key : json::parse_known_keys(kListKeys))
    known.push_back(key.path.substr(0, key.path.find('[')));
  for (const RawMember& member : split_object(list.bytes)) {
    if (std::ranges::find(known, member.key) != known.end()) continue;
    report.warnings.push_back("unknown key " + json::quote(member.key) + " of the list is ignored" +
                              base::did_you_mean(member.key, known));
  }
}

void check_plugin_keys(const NetworkList& list, ValidateReport& report) {
  for (const PluginConf& plugin : list.plugins)
    for (const RawMember& member : split_object(plugin.text)) {
      const bool reserved = std::ranges::find(kReservedKeys, member.key) != kReservedKeys.end();
      if (reserved || member.key.starts_with("cni.dev/"))
        report.warnings.push_back("plugin " + plugin.type + ": key \"" + member.key +
                                  "\" is reserved for the runtime");
      for (const char* known : {"type", "ipam", "capabilities", "dns"})
        if (differs_only_in_case(known, member.key))
          report.warnings.push_back("plugin " + plugin.type + ": key \"" + member.key +
                                    "\" is not \"" + known + "\": the case matters");
    }
}

void check_neighbours(const NetworkList& list, ValidateReport& report) {
  if (list.file.empty()) return;
  const std::string dir = std::filesystem::path(list.file).parent_path();
  for (const ConfFile& other : load_all(dir))
    if (other.path != list.file && other.list && other.list->name == list.name)
      report.warnings.push_back("network name \"" + list.name + "\" is also in " + other.path +
                                ", the first file wins");
}

}  // namespace

VersionInfo Cni::version_info(const std::string& type) const {
  return executor_.version_info(type, Deadline::after(options_.timeout));
}

std::string Cni::common_version(const NetworkList& list) const {
  std::vector<VersionInfo> infos;
  for (const PluginConf& plugin : list.plugins) infos.push_back(version_info(plugin.type));
  for (const std::string& version : candidates(list))
    if (std::ranges::all_of(infos,
                            [&](const VersionInfo& info) { return supports(info, version); }))
      return version;
  std::string offered;
  for (std::size_t i = 0; i < infos.size(); ++i) {
    offered += (offered.empty() ? "" : "; ") + list.plugins[i].type + ":";
    for (const std::string& version : infos[i].supported) offered += " " + version;
  }
  throw cni::Error(cni::Code::incompatible_version,
                   "no version in common between network \"" + list.name + "\" and its plugins",
                   offered);
}

ValidateReport Cni::validate(const NetworkList& list) const {
  ValidateReport report;
  report.warnings = list.warnings;
  const auto& about_path = executor_.path().warnings();
  report.warnings.insert(report.warnings.end(), about_path.begin(), about_path.end());
  for (const PluginConf& plugin : list.plugins)
    for (const std::string& capability : plugin.capabilities)
      if (std::ranges::find(report.capabilities, capability) == report.capabilities.end())
        report.capabilities.push_back(capability);
  if (list.plugins.empty()) report.errors.push_back("network \"" + list.name + "\" has no plugins");
  Interview(options_, executor_, list, report).run();
  check_list_keys(list, report);
  check_plugin_keys(list, report);
  check_neighbours(list, report);
  return report;
}

std::string ValidateReport::error_text() const {
  std::string text;
  for (const std::string& error : errors) text += (text.empty() ? "" : " ") + error;
  return "[" + text + "]";
}

}  // namespace runtime
