// SPDX-License-Identifier: Apache-2.0
#include "agent/config_reader.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "agent/config_keys.h"
#include "libcni/spec/error.h"

namespace agent {
namespace {

void refuse_unknown_keys(const json::Object& object) {
  for (const std::string& key : object.keys()) {
    if (is_config_key(object.path(), key)) continue;
    throw cni::Error(cni::Code::unsupported_field, "unknown key \"" + object.path_of(key) + "\"" +
                                                       config_key_hint(object.path(), key));
  }
}

bool is_community(std::string_view text) {
  int fields = 1;
  std::uint64_t largest = 0;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  for (;; ++fields, ++at) {
    std::uint32_t field = 0;
    const auto [stop, error] = std::from_chars(at, end, field);
    if (error != std::errc()) return false;
    largest = std::max<std::uint64_t>(largest, field);
    at = stop;
    if (at == end) break;
    if (*at != ':') return false;
  }
  return fields == 3 || (fields == 2 && largest <= 0xffff);
}

}  // namespace

ConfigReader::ConfigReader(json::Object object) : object_(std::move(object)) {
  refuse_unknown_keys(object_);
}

void ConfigReader::refuse(std::string_view key, std::string_view wanted) const {
  object_.refuse(key, wanted);
}

void ConfigReader::read(std::string_view key, std::string& field) const {
  if (!object_.has(key)) return;
  // A node may well be called 12.
  const nlohmann::json& value = object_.raw().at(std::string(key));
  field = value.is_number_integer() ? value.dump() : object_.get_string(key);
}

void ConfigReader::read(std::string_view key, bool& field) const {
  field = object_.get_bool(key, field);
}

void ConfigReader::read(std::string_view key, std::vector<std::string>& field) const {
  if (auto found = object_.find_strings(key)) field = std::move(*found);
}

void ConfigReader::read(std::string_view key, std::vector<base::IpAddress>& field) const {
  const auto texts = object_.find_strings(key);
  if (!texts) return;
  field.clear();
  for (const std::string& text : *texts) {
    const auto address = base::IpAddress::parse(text);
    if (!address) refuse(key, "a list of IP addresses");
    field.push_back(*address);
  }
}

void ConfigReader::read(std::string_view key, std::vector<base::Prefix>& field) const {
  const auto texts = object_.find_strings(key);
  if (!texts) return;
  field.clear();
  for (const std::string& text : *texts) {
    const auto prefix = base::Prefix::parse(text);
    if (!prefix) refuse(key, "a list of address ranges such as 10.244.0.0/16");
    if (prefix->network() != *prefix)
      refuse(key, "a list of ranges without host bits (" + prefix->network().text() + ", not " +
                      text + ")");
    field.push_back(*prefix);
  }
}

void ConfigReader::read(std::string_view key, Selector& field) const {
  const auto labels = object_.find_object(key);
  if (!labels) return;
  field.clear();
  for (const std::string& label : labels->keys()) {
    std::string value;
    ConfigReader(*labels).read(label, value);
    field.emplace_back(label, std::move(value));
  }
  std::ranges::sort(field);
}

void ConfigReader::read_communities(std::string_view key, std::vector<std::string>& field) const {
  read(key, field);
  if (!std::ranges::all_of(field, is_community))
    refuse(key, "a list of communities such as 64512:100 or 64512:1:100");
}

std::int64_t ConfigReader::number(std::string_view key, std::int64_t otherwise,
                                  Bounds bounds) const {
  const auto found = object_.find_int(key);
  if (!found) return otherwise;
  if (*found < bounds.least || *found > bounds.most)
    refuse(key,
           "a number from " + std::to_string(bounds.least) + " to " + std::to_string(bounds.most));
  return *found;
}

ConfigReader ConfigReader::below(std::string_view key) const {
  return ConfigReader(object_.get_object(key));
}

}  // namespace agent
