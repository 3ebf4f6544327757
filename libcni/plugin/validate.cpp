// SPDX-License-Identifier: Apache-2.0
#include "libcni/plugin/validate.h"

#include <algorithm>

#include "libcni/json/known_keys.h"
#include "libcni/json/unknown_keys.h"
#include "libcni/json/writer.h"
#include "libcni/plugin/request.h"

namespace cni {
namespace {

/// Keys of the specification, which may be in any plugin's object. A single-plugin configuration
/// also contains the keys of the list. Editors look for the file of the schema in `$schema`.
constexpr std::string_view kCommonKeys =
    "cniVersion:string name:string type:string capabilities:map(bool) args:object"
    " runtimeConfig:object prevResult:object cniVersions[]:string disableCheck:flag disableGC:flag"
    " loadOnlyInlinedPlugins:flag $schema:string";
constexpr std::string_view kReserved = "cni.dev/";

struct Findings {
  std::vector<std::string> errors = {};
  std::vector<std::string> warnings = {};
};

std::string text_of(const Error& error) {
  return error.what() + (error.details().empty() ? "" : "; " + error.details());
}

/// An IPAM plugin knows only the keys below `ipam`; the others belong to the interface plugin.
bool belongs_to(const Plugin& plugin, const std::string& path) {
  const bool below_ipam = path.starts_with("ipam.");
  return plugin.keys.starts_with("ipam.") ? below_ipam : !below_ipam;
}

void compare_keys(const Plugin& plugin, const json::Object& config, Findings& findings) {
  const std::string known = std::string(plugin.keys) + " " + std::string(kCommonKeys);
  for (const auto& [path, hint] : json::find_unknown_keys(config, known)) {
    if (!belongs_to(plugin, path) || path.starts_with(kReserved)) continue;
    auto& list = hint.empty() ? findings.warnings : findings.errors;
    list.push_back("unknown key " + json::quote(path) + " is ignored" + hint);
  }
  for (const auto& [path, text] : json::find_wrong_types(config, known))
    if (belongs_to(plugin, path)) findings.errors.push_back(text);
}

/// The plugin's parser ends at its first error, which compare_keys() may have found as well.
void add_once(std::vector<std::string>& lines, const std::string& line) {
  if (std::ranges::find(lines, line) == lines.end()) lines.push_back(line);
}

Findings look_at(const Plugin& plugin, std::string_view configuration) {
  Findings findings;
  try {
    Request request{.stdin_text = std::string(configuration)};
    request.config = json::Object::parse(configuration, "configuration");
    compare_keys(plugin, request.config, findings);
    read_config(request, plugin.versions);
    if (plugin.parse) plugin.parse(request);
  } catch (const Error& error) {
    add_once(findings.errors, text_of(error));
  } catch (const std::exception& error) {
    add_once(findings.errors, error.what());
  }
  return findings;
}

void write_list(json::Writer& writer, std::string_view key, const std::vector<std::string>& lines) {
  writer.open(key, '[');
  for (const std::string& line : lines) writer.element(line);
  writer.close();
}

}  // namespace

std::string list_keys(const Plugin& plugin) {
  std::string text;
  for (const auto& [path, type] : json::parse_known_keys(plugin.keys))
    text += std::string(path) + (type.empty() ? "" : ":" + std::string(type)) + "\n";
  return text;
}

std::string validate(const Plugin& plugin, std::string_view configuration) {
  const Findings findings = look_at(plugin, configuration);
  json::Writer writer;
  writer.open('{');
  writer.member("plugin", plugin.name);
  write_list(writer, "errors", findings.errors);
  write_list(writer, "warnings", findings.warnings);
  writer.close();
  return writer.text() + "\n";
}

}  // namespace cni
