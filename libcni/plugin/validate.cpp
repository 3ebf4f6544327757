// SPDX-License-Identifier: Apache-2.0
#include "libcni/plugin/validate.h"

#include "libcni/json/unknown_keys.h"
#include "libcni/json/writer.h"
#include "libcni/plugin/request.h"

namespace cni {
namespace {

/// Keys of the specification, which may be in any plugin's object. A single-plugin configuration
/// also contains the keys of the list.
constexpr std::string_view kCommonKeys =
    " cniVersion name type capabilities args runtimeConfig prevResult cniVersions disableCheck"
    " disableGC loadOnlyInlinedPlugins";
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
  const std::string known = std::string(plugin.keys) + std::string(kCommonKeys);
  for (const auto& [path, hint] : json::find_unknown_keys(config, known)) {
    if (!belongs_to(plugin, path) || path.starts_with(kReserved)) continue;
    auto& list = hint.empty() ? findings.warnings : findings.errors;
    list.push_back("unknown key " + json::quote(path) + " is ignored" + hint);
  }
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
    findings.errors.push_back(text_of(error));
  } catch (const std::exception& error) {
    findings.errors.emplace_back(error.what());
  }
  return findings;
}

void write_list(json::Writer& writer, std::string_view key, const std::vector<std::string>& lines) {
  writer.open(key, '[');
  for (const std::string& line : lines) writer.element(line);
  writer.close();
}

}  // namespace

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
