// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/cache_entry.h"

#include <nlohmann/json.hpp>

#include "libcni/base/file.h"
#include "libcni/runtime/base64.h"
#include "libcni/runtime/raw_json.h"
#include "libcni/spec/error.h"

namespace runtime {
namespace {

using nlohmann::json;

constexpr const char* kKind = "cniCacheV1";
constexpr const char* kOurs = "plumb";

[[noreturn]] void refuse(const std::string& file, const std::string& why) {
  throw cni::Error(cni::Code::decoding_failure, "cache file " + file + ": " + why);
}

std::string text_of(const json& object, const char* key, const std::string& file) {
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return {};
  if (!it->is_string()) refuse(file, std::string("member '") + key + "' is not a string");
  return it->get<std::string>();
}

std::string decoded(const std::string& text, const std::string& file) {
  auto data = decode_base64(text);
  if (!data) refuse(file, "malformed base64");
  return *std::move(data);
}

std::string print_args(const Args& args) {
  std::string text;
  for (const auto& [key, value] : args)
    text += (text.empty() ? "[" : ",[") + ::json::quote(key) + "," + ::json::quote(value) + "]";
  return "[" + text + "]";
}

std::string print_capability_args(const CapabilityArgs& args) {
  std::string text;
  for (const auto& [name, value] : args)
    text += (text.empty() ? "" : ",") + ::json::quote(name) + ":" + value;
  return "{" + text + "}";
}

std::string print_ours(const CacheEntry& entry) {
  std::string text = "{\"bootId\":" + ::json::quote(entry.boot_id);
  if (!entry.owner.empty()) text += ",\"owner\":" + ::json::quote(entry.owner);
  if (entry.drop_ins) {
    std::string list;
    for (const CachedDropIn& drop_in : *entry.drop_ins)
      list += (list.empty() ? "" : ",") + std::string("{\"file\":") + ::json::quote(drop_in.file) +
              ",\"config\":\"" + encode_base64(drop_in.text) + "\"}";
    text += ",\"dropIns\":[" + list + "]";
  }
  return text + "}";
}

Args parse_args(const json& object, const std::string& file) {
  Args args;
  const auto it = object.find("cniArgs");
  if (it == object.end() || it->is_null()) return args;
  if (!it->is_array()) refuse(file, "member 'cniArgs' is not a list");
  for (const json& pair : *it) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string())
      refuse(file, "an element of 'cniArgs' is not a pair of strings");
    args.emplace_back(pair[0].get<std::string>(), pair[1].get<std::string>());
  }
  return args;
}

void parse_ours(CacheEntry& entry, const json& object, const std::string& file) {
  const auto ours = object.find(kOurs);
  if (ours == object.end() || !ours->is_object()) return;
  entry.boot_id = text_of(*ours, "bootId", file);
  entry.owner = text_of(*ours, "owner", file);
  const auto list = ours->find("dropIns");
  if (list == ours->end() || !list->is_array()) return;
  entry.drop_ins.emplace();
  for (const json& drop_in : *list) {
    if (!drop_in.is_object()) refuse(file, "an element of 'dropIns' is not an object");
    entry.drop_ins->push_back(
        {text_of(drop_in, "file", file), decoded(text_of(drop_in, "config", file), file)});
    parse_plugin(entry.drop_ins->back().text, "cache file " + file);
  }
}

}  // namespace

bool CacheEntry::from_earlier_boot() const {
  const std::string now = current_boot_id();
  return !boot_id.empty() && !now.empty() && boot_id != now;
}

std::string current_boot_id() {
  std::string id = base::find_file("/proc/sys/kernel/random/boot_id").value_or("");
  if (id.ends_with('\n')) id.pop_back();
  return id;
}

std::string print_entry(const CacheEntry& entry) {
  const RuntimeConf& conf = entry.conf;
  std::string text = std::string("{\"kind\":\"") + kKind + "\"";
  text += ",\"containerId\":" + ::json::quote(conf.container_id);
  text += ",\"config\":\"" + encode_base64(entry.config) + "\"";
  text += ",\"ifName\":" + ::json::quote(conf.ifname);
  text += ",\"networkName\":" + ::json::quote(entry.network);
  if (!conf.netns.empty()) text += ",\"netns\":" + ::json::quote(conf.netns);
  if (!conf.args.empty()) text += ",\"cniArgs\":" + print_args(conf.args);
  if (!conf.capability_args.empty())
    text += ",\"capabilityArgs\":" + print_capability_args(conf.capability_args);
  if (entry.result) text += ",\"result\":" + *entry.result;
  if (!entry.boot_id.empty()) text += std::string(",\"") + kOurs + "\":" + print_ours(entry);
  return text + "}";
}

CacheEntry parse_entry(const std::string& text, const std::string& file) {
  const auto document = parse_document(text, "cache file " + file, "cached attachment");
  const json& object = document.raw();
  CacheEntry entry;
  entry.file = file;
  const auto kind = object.find("kind");
  if (kind == object.end() || *kind != kKind) {
    entry.legacy = true;
    entry.result = text;
    return entry;
  }
  entry.network = text_of(object, "networkName", file);
  entry.conf.container_id = text_of(object, "containerId", file);
  entry.conf.ifname = text_of(object, "ifName", file);
  entry.conf.netns = text_of(object, "netns", file);
  entry.config = decoded(text_of(object, "config", file), file);
  entry.conf.args = parse_args(object, file);
  const auto members = split_object(text);
  if (const auto args = raw_member(members, "capabilityArgs"); args.starts_with('{'))
    for (const RawMember& member : split_object(args))
      entry.conf.capability_args[member.key] = member.text;
  if (const auto result = raw_member(members, "result"); result.starts_with('{'))
    entry.result = result;
  parse_ours(entry, object, file);
  return entry;
}

NetworkList list_from_entry(const CacheEntry& entry) {
  if (entry.config.empty())
    throw cni::Error(cni::Code::invalid_config,
                     "cache file " + entry.file + " holds no configuration");
  const std::string where = "configuration cached in " + entry.file;
  const auto document = parse_document(entry.config, where, "configuration");
  NetworkList list = document.has_exactly("plugins") || !document.has_exactly("type")
                         ? parse_list(entry.config, where)
                         : parse_single(entry.config, where);
  for (const CachedDropIn& drop_in : entry.drop_ins.value_or(std::vector<CachedDropIn>{})) {
    PluginConf plugin = parse_plugin(drop_in.text, drop_in.file);
    plugin.file = drop_in.file;
    plugin.drop_in = true;
    list.plugins.push_back(std::move(plugin));
  }
  return list;
}

}  // namespace runtime
