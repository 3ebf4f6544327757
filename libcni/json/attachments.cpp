// SPDX-License-Identifier: Apache-2.0
#include "libcni/json/attachments.h"

#include <nlohmann/json.hpp>

#include "libcni/base/log.h"

namespace json {
namespace {

constexpr const char* kKey = "cni.dev/valid-attachments";
constexpr const char* kFormerKey = "cni.dev/attachments";

std::string get_text(const nlohmann::json& entry, const char* key) {
  const auto member = entry.find(key);
  return member != entry.end() && member->is_string() ? member->get<std::string>() : "";
}

}  // namespace

std::vector<cni::Attachment> parse_attachments(const Object& config) {
  const auto& members = config.raw();
  const char* key = members.contains(kKey) ? kKey : kFormerKey;
  const auto list = members.find(key);
  if (list == members.end()) {
    base::log(std::string("GC without ") + kKey +
              ": every attachment of this network counts as stale");
    return {};
  }
  if (list->is_null()) return {};
  constexpr const char* kWanted = "a list of objects with containerID and ifname";
  if (!list->is_array()) config.refuse(key, kWanted);
  std::vector<cni::Attachment> attachments;
  for (const auto& entry : *list) {
    if (!entry.is_object()) config.refuse(key, kWanted);
    attachments.push_back({get_text(entry, "containerID"), get_text(entry, "ifname")});
    if (attachments.back().container_id.empty() || attachments.back().ifname.empty())
      config.refuse(key, kWanted);
  }
  return attachments;
}

}  // namespace json
