// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/conformance/helpers.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace conformance {
namespace {

namespace fs = std::filesystem;

bool is_address(const std::string& name) {
  const bool legal = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isxdigit(c) != 0 || c == '.' || c == ':';
  });
  return legal &&
         (std::count(name.begin(), name.end(), '.') == 3 || name.find(':') != std::string::npos);
}

}  // namespace

Call on_network(Call call, int number) {
  const std::string digits = std::to_string(number);
  call.config["name"] = "net" + digits;
  if (call.config.contains("bridge")) call.config["bridge"] = "cnibr" + digits;
  const Json::json_pointer subnet("/ipam/ranges/0/0/subnet");
  if (call.config.contains(subnet))
    call.config[subnet] = "10." + std::to_string(88 + number) + ".0.0/16";
  const Json::json_pointer address("/ipam/addresses");
  if (call.config.contains(address)) {
    call.config[address] = {{{"address", "10." + std::to_string(1 + number) + ".0.5/16"}}};
  }
  const Json::json_pointer port("/runtimeConfig/portMappings/0/hostPort");
  if (call.config.contains(port)) call.config[port] = 8080 + number;
  return call;
}

Call without_routes(Call call) {
  if (call.config.contains("ipam")) call.config["ipam"].erase("routes");
  return call;
}

Call for_attachment(Call call, const std::string& container_id, const std::string& ifname) {
  call.environment["CNI_CONTAINERID"] = container_id;
  call.environment["CNI_IFNAME"] = ifname;
  return call;
}

std::vector<std::string> addresses_of(const Json& result) {
  std::vector<std::string> addresses;
  if (!result.is_object()) return addresses;
  for (const char* key : {"ip4", "ip6"}) {
    if (result.contains(key)) addresses.push_back(result[key].value("ip", ""));
  }
  for (const Json& address : result.value("ips", Json::array())) {
    addresses.push_back(address.value("address", ""));
  }
  return addresses;
}

std::string as_listed(const Subject& subject, const std::string& address) {
  return subject.keeps_subnets() ? address : address.substr(0, address.find('/')) + "/32";
}

Json container_interface(const Json& result, const std::string& ifname) {
  if (!result.is_object()) return nullptr;
  for (const Json& interface : result.value("interfaces", Json::array())) {
    if (interface.value("name", "") == ifname && interface.contains("sandbox")) return interface;
  }
  return nullptr;
}

Json find_link(const std::string& name, const std::string& netns) {
  const Json found = ip_json({"-d", "addr", "show", "dev", name}, netns);
  if (!found.is_array()) return nullptr;
  for (const Json& link : found) {
    if (link.value("ifname", "") == name) return link;
  }
  return nullptr;
}

std::vector<std::string> link_names(const std::string& netns) {
  std::vector<std::string> names;
  for (const Json& link : ip_json({"link", "show"}, netns))
    names.push_back(link.value("ifname", ""));
  return names;
}

bool make_link_there(const std::string& name, const std::string& netns) {
  return ip_run({"link", "add", name, "type", "veth", "peer", "name", "other-end"}, netns);
}

std::vector<std::string> reservations(const std::string& network) {
  std::vector<std::string> names;
  const fs::path folder = "/var/lib/cni/networks/" + network;
  if (!fs::is_directory(folder)) return names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (is_address(entry.path().filename())) names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string read_text(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace conformance
