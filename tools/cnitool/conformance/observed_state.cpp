// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/conformance/observed_state.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

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

}  // namespace conformance
