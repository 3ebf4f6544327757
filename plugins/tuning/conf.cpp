// SPDX-License-Identifier: Apache-2.0
#include "plugins/tuning/conf.h"

#include <algorithm>
#include <limits>

#include "libcni/json/ordered.h"
#include "libcni/plugin/conf.h"
#include "libcni/spec/args.h"

namespace tuning {
namespace {

constexpr const char* kDefaultDataDir = "/run/cni/tuning";
constexpr std::string_view kIfname = "IFNAME";
using Texts = std::vector<std::pair<std::string, std::string>>;

[[noreturn]] void refuse(const std::string& why, const std::string& details) {
  throw cni::Error(cni::Code::invalid_config, why, details);
}

/// Keeps a msg short, whatever a configuration contains.
std::string cut(const std::string& text) {
  constexpr std::size_t kLongest = 60;
  return text.size() <= kLongest ? text : text.substr(0, kLongest) + "...";
}

/// Throws unless all values of the map `sysctl` are texts.
void require_texts(const json::Object& holder) {
  const json::Object sysctls = holder.get_object("sysctl");
  for (const std::string& key : sysctls.keys()) static_cast<void>(sysctls.find_string(key));
}

/// The same key may be written twice in two spellings, such as with `.` and with `/`: then the last
/// value stays, as the last write.
void refuse_duplicates(const Texts& sysctls) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : sysctls) keys.push_back(key);
  std::ranges::sort(keys);
  const auto twice = std::ranges::adjacent_find(keys);
  if (twice != keys.end())
    refuse("duplicated sysctl keys are not allowed", "key sysctl: \"" + cut(*twice) + "\"");
}

/// A value of `args` takes the place of the configuration's.
void merge(Texts& sysctls, Texts more) {
  for (auto& each : more) {
    const auto known = std::ranges::find(sysctls, each.first, &Texts::value_type::first);
    if (known == sysctls.end())
      sysctls.push_back(std::move(each));
    else
      known->second = std::move(each.second);
  }
}

std::vector<Sysctl> parse_sysctls(const cni::Request& request, const json::Object& args) {
  require_texts(request.config);
  require_texts(args);
  if (!request.config.has("sysctl") && !args.has("sysctl")) return {};
  const std::string text = request.stdin_text.empty() ? request.config.text() : request.stdin_text;
  Texts texts = json::list_texts(text, {"sysctl"});
  refuse_duplicates(texts);
  merge(texts, json::list_texts(text, {"args", "cni", "sysctl"}));
  std::vector<Sysctl> sysctls;
  for (auto& [key, value] : texts) {
    std::string path = sysctl_path(key, request.ifname);
    sysctls.push_back({std::move(key), std::move(path), std::move(value)});
  }
  return sysctls;
}

/// The sources in ascending precedence. An empty `args.cni.mac` means: leave it.
std::string find_mac(const cni::Request& request, const json::Object& args) {
  std::string mac = request.config.get_string("mac");
  const auto from_args = cni::parse_args(request.args, {"MAC"});
  if (const auto found = from_args.find("MAC"); found != from_args.end() && !found->second.empty())
    mac = found->second;
  if (const auto runtime = request.config.get_object("runtimeConfig").get_string("mac");
      !runtime.empty())
    mac = runtime;
  return args.get_string("mac", mac);
}

base::Mac parse_mac(const std::string& text) {
  if (const auto mac = base::Mac::parse(text)) return *mac;
  refuse(
      "invalid args " + cut(text) + " for MAC addr: address " + cut(text) + ": invalid MAC address",
      "expected six pairs of hex digits, such as 02:00:00:00:00:01");
}

std::uint32_t parse_queue_length(const json::Object& holder) {
  const std::int64_t length = *holder.find_int("txQLen");
  if (length < 0 || length > std::numeric_limits<std::uint32_t>::max())
    holder.refuse("txQLen", "0 to 4294967295");
  return static_cast<std::uint32_t>(length);
}

}  // namespace

Conf parse_conf(const cni::Request& request) {
  const json::Object& config = request.config;
  const json::Object args = config.get_object("args").get_object("cni");
  const auto holder = [&](const char* key) -> const json::Object& {
    return args.has(key) ? args : config;
  };
  Conf conf;
  conf.sysctls = parse_sysctls(request, args);
  conf.mac_text = find_mac(request, args);
  if (!conf.mac_text.empty()) conf.link.mac = parse_mac(conf.mac_text);
  // Promiscuous mode can only be switched on.
  if (holder("promisc").get_bool("promisc")) conf.link.promisc = true;
  conf.link.mtu = cni::find_mtu(holder("mtu"));
  conf.link.allmulti = holder("allmulti").find_bool("allmulti");
  if (holder("txQLen").has("txQLen"))
    conf.link.tx_queue_length = parse_queue_length(holder("txQLen"));
  data_dir(config);
  return conf;
}

std::string sysctl_path(const std::string& key, const std::string& ifname) {
  std::string path = key;
  std::ranges::replace(path, '.', '/');
  if (const auto at = path.find(kIfname); at != std::string::npos)
    path.replace(at, kIfname.size(), ifname);
  std::string clean;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) clean += (clean.empty() ? "" : "/") + path.substr(begin, end - begin);
    begin = end + 1;
  }
  // The dots of `..` are slashes by now. That writes another file than the text seems to name.
  const bool climbs = ("/" + key + "/").find("/../") != std::string::npos;
  if (climbs || !clean.starts_with("net/") || clean.find('\0') != std::string::npos)
    refuse("invalid net sysctl key: \"" + cut(path) + "\"",
           "key sysctl: only the sysctls below net can be set, such as net.core.somaxconn");
  return clean;
}

std::string data_dir(const json::Object& config) {
  std::string folder = config.get_string("dataDir");
  if (folder.find('\0') != std::string::npos) config.refuse("dataDir", "the path of a folder");
  return folder.empty() ? kDefaultDataDir : folder;
}

}  // namespace tuning
