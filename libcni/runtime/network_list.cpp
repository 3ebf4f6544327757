// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/network_list.h"

#include <algorithm>
#include <cctype>

#include <nlohmann/json.hpp>

#include "libcni/base/names.h"
#include "libcni/runtime/raw_json.h"
#include "libcni/spec/error.h"
#include "libcni/spec/version.h"

namespace runtime {
namespace {

using nlohmann::json;

/// Throws errors about one document; their messages begin with its file.
class Complaint {
 public:
  Complaint(std::string file, std::string what) : file_(std::move(file)), what_(std::move(what)) {}

  [[noreturn]] void decode(const std::string& why) const { fail(cni::Code::decoding_failure, why); }
  [[noreturn]] void config(const std::string& why) const { fail(cni::Code::invalid_config, why); }

 private:
  [[noreturn]] void fail(cni::Code code, const std::string& why) const {
    throw cni::Error(code,
                     (file_.empty() ? "" : file_ + ": ") + "error parsing " + what_ + ": " + why);
  }
  std::string file_;
  std::string what_;
};

std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

const json* find(const json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

std::string read_name(const json& object, const Complaint& complaint) {
  const json* name = find(object, "name");
  if (!name) complaint.config("no name");
  if (!name->is_string())
    complaint.decode("invalid name type " + shown(*name) + ", must be a string");
  if (!base::is_identifier(name->get<std::string>()))
    complaint.config("invalid name " + shown(*name) +
                     ", must be a letter or digit, then letters, digits, '_', '.' or '-'");
  return name->get<std::string>();
}

std::string read_version(const json& object, const Complaint& complaint) {
  const json* version = find(object, "cniVersion");
  if (!version) return {};
  if (!version->is_string())
    complaint.decode("invalid cniVersion type " + shown(*version) + ", must be a string");
  return version->get<std::string>();
}

std::optional<std::vector<std::string>> read_versions(const json& object,
                                                      const Complaint& complaint) {
  const json* list = find(object, "cniVersions");
  if (!list) return std::nullopt;
  if (!list->is_array())
    complaint.decode("invalid cniVersions type " + shown(*list) + ", must be a list");
  std::vector<std::string> versions;
  for (const json& entry : *list) {
    const std::string where = "cniVersions[" + std::to_string(versions.size()) + "]";
    if (!entry.is_string()) complaint.decode("invalid type of " + where + " " + shown(entry));
    versions.push_back(entry.get<std::string>());
    if (!cni::Version::parse(versions.back()))
      complaint.config("invalid " + where + " " + shown(entry) +
                       ", must be a version such as \"1.0.0\"");
  }
  return versions;
}

/// The text of specification 0.4.0 made disableCheck a string.
bool read_bool(const json& object, const char* key, const Complaint& complaint) {
  const json* value = find(object, key);
  if (!value) return false;
  if (value->is_boolean()) return value->get<bool>();
  if (value->is_string()) {
    std::string text = value->get<std::string>();
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
    if (text == "true" || text == "false") return text == "true";
  }
  complaint.decode("invalid value " + shown(*value) + " of " + key + ", must be true or false");
}

NetworkList read_list_keys(std::string_view bytes, const std::string& file, const json& object,
                           const Complaint& complaint) {
  NetworkList list;
  list.file = file;
  list.bytes = bytes;
  list.name = read_name(object, complaint);
  list.cni_version = read_version(object, complaint);
  list.cni_versions = read_versions(object, complaint);
  list.disable_check = read_bool(object, "disableCheck", complaint);
  list.disable_gc = read_bool(object, "disableGC", complaint);
  list.load_only_inlined_plugins = read_bool(object, "loadOnlyInlinedPlugins", complaint);
  try {
    list.version = select_version(list.cni_version, list.cni_versions);
  } catch (const cni::Error& error) {
    throw cni::Error(error.code(), (file.empty() ? "" : file + ": ") + error.what(),
                     error.details());
  }
  return list;
}

std::string describe(const char* key, const json& object) {
  for (const auto& [other, value] : object.items()) {
    std::string lower = other;
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
    if (lower == key && other != key) return " (found '" + other + "': the case matters)";
  }
  return {};
}

std::vector<std::string> read_capabilities(const json& object, const Complaint& complaint) {
  std::vector<std::string> enabled;
  const json* capabilities = find(object, "capabilities");
  if (!capabilities || capabilities->is_null()) return enabled;
  if (!capabilities->is_object())
    complaint.decode("invalid capabilities " + shown(*capabilities) +
                     ", must be an object of booleans");
  for (const auto& [name, on] : capabilities->items()) {
    if (!on.is_boolean())
      complaint.decode("invalid value " + shown(on) + " of capabilities." + name +
                       ", must be true or false");
    if (on.get<bool>()) enabled.push_back(name);
  }
  return enabled;
}

void require_file_name(const std::string& key, const std::string& type,
                       const Complaint& complaint) {
  if (type.find('/') != std::string::npos || type.find('\\') != std::string::npos || type == "." ||
      type == "..")
    complaint.config("invalid plugin name: " + type + " in " + key +
                     ", must be a file name without separators");
}

PluginConf read_plugin(const json& object, std::string_view text, const Complaint& complaint) {
  PluginConf plugin;
  plugin.text = text;
  const json* type = find(object, "type");
  if (!type) complaint.config("missing 'type'" + describe("type", object));
  if (!type->is_string()) complaint.decode("missing 'type': " + shown(*type) + " is not a string");
  plugin.type = type->get<std::string>();
  if (plugin.type.empty()) complaint.config("missing 'type': it is empty");
  require_file_name("type", plugin.type, complaint);
  if (const json* name = find(object, "name"); name && name->is_string())
    plugin.name = name->get<std::string>();
  for (const char* key : {"ipam", "dns"})
    if (const json* value = find(object, key); value && !value->is_object() && !value->is_null())
      complaint.decode(std::string("invalid ") + key + " " + shown(*value) + ", must be an object");
  if (const json* ipam = find(object, "ipam"); ipam && ipam->is_object())
    if (const json* ipam_type = find(*ipam, "type"); ipam_type && !ipam_type->is_null()) {
      if (!ipam_type->is_string())
        complaint.decode("invalid ipam.type " + shown(*ipam_type) + ", must be a string");
      plugin.ipam_type = ipam_type->get<std::string>();
      require_file_name("ipam.type", plugin.ipam_type, complaint);
    }
  plugin.capabilities = read_capabilities(object, complaint);
  return plugin;
}

void read_plugins(NetworkList& list, const json& object, const Complaint& complaint) {
  const json* plugins = find(object, "plugins");
  if (!plugins) {
    if (list.load_only_inlined_plugins)
      complaint.config("loadOnlyInlinedPlugins is true but there is no 'plugins' key");
    return;
  }
  if (!plugins->is_array())
    complaint.decode("invalid 'plugins' type " + shown(*plugins) + ", must be a list");
  if (plugins->empty()) complaint.config("no plugins in list");
  const auto texts = split_array(raw_member(split_object(list.bytes), "plugins"));
  for (std::size_t i = 0; i < plugins->size(); ++i) {
    const json& entry = (*plugins)[i];
    const std::string where = "plugins[" + std::to_string(i) + "]";
    const Complaint inner(list.file, "configuration list: " + where);
    if (!entry.is_object()) inner.decode("missing 'type': " + shown(entry) + " is not an object");
    list.plugins.push_back(read_plugin(entry, texts.at(i), inner));
    list.plugins.back().file = list.file;
  }
}

}  // namespace

bool NetworkList::supports_check() const {
  const auto parsed = cni::Version::parse(version);
  return parsed && *parsed >= cni::Version{0, 4, 0};
}

bool NetworkList::supports_gc() const {
  const auto parsed = cni::Version::parse(version);
  return parsed && *parsed >= cni::Version{1, 1, 0};
}

bool NetworkList::version_is_valid() const {
  return cni::Version::parse(version).has_value();
}

NetworkList parse_list(std::string_view bytes, const std::string& file) {
  const Complaint complaint(file, "configuration list");
  const auto document = parse_document(bytes, file, "configuration list");
  const json& object = document.raw();
  NetworkList list = read_list_keys(bytes, file, object, complaint);
  read_plugins(list, object, complaint);
  return list;
}

NetworkList parse_single(std::string_view bytes, const std::string& file) {
  const Complaint complaint(file, "configuration");
  const auto document = parse_document(bytes, file, "configuration");
  const json& object = document.raw();
  if (!object.contains("type") && object.contains("plugins")) {
    NetworkList list = parse_list(bytes, file);
    list.warnings.push_back(file + ": this is a configuration list, rename it to end in .conflist");
    return list;
  }
  PluginConf plugin = read_plugin(object, bytes, complaint);
  NetworkList list = read_list_keys(bytes, file, object, complaint);
  list.single = true;
  plugin.file = file;
  list.plugins.push_back(std::move(plugin));
  list.warnings.push_back(
      (file.empty() ? "" : file + ": ") +
      "single-plugin configurations are deprecated, use a list in a .conflist file");
  return list;
}

PluginConf parse_plugin(std::string_view text, const std::string& where) {
  const auto document = parse_document(text, where, "plugin configuration");
  return read_plugin(document.raw(), text, Complaint(where, "plugin configuration"));
}

std::string select_version(const std::string& cni_version,
                           const std::optional<std::vector<std::string>>& cni_versions) {
  const auto own = cni::Version::parse(cni_version);
  if (!cni_versions) return own ? own->text() : cni_version;
  if (!own)
    throw cni::Error(
        cni::Code::incompatible_version,
        "invalid cniVersion \"" + cni_version + "\", must be a version such as \"1.0.0\"");
  std::vector<std::string> wanted = *cni_versions;
  if (!cni_version.empty()) wanted.push_back(cni_version);
  std::optional<cni::Version> best;
  std::string offered;
  for (const std::string& text : wanted) {
    const auto version = cni::Version::parse(text);
    if (version && std::ranges::find(cni::kVersions, *version) != cni::kVersions.end())
      best = best ? std::max(*best, *version) : *version;
    offered += (offered.empty() ? "" : ", ") + text;
  }
  if (best) return best->text();
  std::string supported;
  for (const cni::Version& version : cni::kVersions)
    supported += (supported.empty() ? "" : ", ") + version.text();
  throw cni::Error(
      cni::Code::incompatible_version,
      "no version in common: the configuration has [" + offered + "], this library " + supported);
}

}  // namespace runtime
