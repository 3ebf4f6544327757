// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/conformance/example.h"

#include <algorithm>

namespace conformance {
namespace {

using nlohmann::json;

const json::json_pointer kIpamType("/ipam/type");
constexpr const char* kHostLocal =
    R"({"type":"host-local","ranges":[[{"subnet":"10.88.0.0/16"}]],"routes":[{"dst":"0.0.0.0/0"}]})";

json entry_of(const json& plugins, const std::string& type) {
  const auto found = std::ranges::find_if(
      plugins, [&](const json& each) { return each.value("type", "") == type; });
  if (found == plugins.end()) return nullptr;
  json config = *found;
  if (found != plugins.begin()) config["prevResult"] = json::object();
  return config;
}

}  // namespace

json own_part(const json& document, const std::string& type) {
  json config = document;
  if (document.contains("plugins")) {
    config = entry_of(document["plugins"], type);
    if (config.is_null()) return config;
  } else if (document.value(kIpamType, "") == type && document.value("type", type) != type) {
    config = {{"ipam", document["ipam"]}};
  }
  if (config.value(kIpamType, "") == "host-local") config["ipam"] = json::parse(kHostLocal);
  return config;
}

json find_example(const std::string& type) {
  const auto found = std::ranges::find(examples(), type, &Example::type);
  return found == examples().end() ? json() : own_part(json::parse(found->text), type);
}

}  // namespace conformance
