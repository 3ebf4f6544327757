// SPDX-License-Identifier: Apache-2.0
#include "agent/config/reader.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "agent/config/keys.h"
#include "libcni/spec/error.h"

namespace agent {
namespace {

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

ConfigReader::ConfigReader(json::Object object, ProblemCollector& problems)
    : object_(std::move(object)), problems_(&problems) {
  for (const std::string& key : object_.keys())
    if (!is_config_key(object_.path(), key))
      problems.add(object_.path_of(key), "unknown key " + json::quote(object_.path_of(key)) +
                                             config_key_hint(object_.path(), key));
}

void ConfigReader::attempt(std::string_view key, const std::function<void()>& read) const {
  try {
    read();
  } catch (const cni::Error& error) {
    problems_->add(object_.path_of(key), error.what());
  }
}

void ConfigReader::refuse(std::string_view key, std::string_view wanted) const {
  attempt(key, [&] { object_.refuse(key, wanted); });
}

void ConfigReader::read(std::string_view key, std::string& field) const {
  if (!object_.has(key)) return;
  // A node may be named 12.
  const auto value = object_.raw().find(std::string(key));
  if (value != object_.raw().end() && value->is_number_integer())
    field = value->dump();
  else
    attempt(key, [&] { field = object_.get_string(key); });
}

void ConfigReader::read(std::string_view key, bool& field) const {
  attempt(key, [&] { field = object_.get_bool(key, field); });
}

void ConfigReader::read(std::string_view key, std::optional<bool>& field) const {
  attempt(key, [&] { field = object_.find_bool(key); });
}

void ConfigReader::read(std::string_view key, std::vector<std::string>& field) const {
  attempt(key, [&] {
    if (auto found = object_.find_strings(key)) field = std::move(*found);
  });
}

void ConfigReader::read(std::string_view key, std::vector<base::IpAddress>& field) const {
  attempt(key, [&] {
    const auto texts = object_.find_strings(key);
    if (!texts) return;
    std::vector<base::IpAddress> addresses;
    for (const std::string& text : *texts) {
      const auto address = base::IpAddress::parse(text);
      if (!address) object_.refuse(key, "a list of IP addresses");
      addresses.push_back(*address);
    }
    field = std::move(addresses);
  });
}

void ConfigReader::read(std::string_view key, std::vector<base::Prefix>& field) const {
  attempt(key, [&] {
    const auto texts = object_.find_strings(key);
    if (!texts) return;
    std::vector<base::Prefix> ranges;
    for (const std::string& text : *texts) {
      const auto prefix = base::Prefix::parse(text);
      if (!prefix) object_.refuse(key, "a list of address ranges such as 10.244.0.0/16");
      if (prefix->network() != *prefix)
        object_.refuse(key, "a list of ranges without host bits (" + prefix->network().text() +
                                ", not " + text + ")");
      ranges.push_back(*prefix);
    }
    field = std::move(ranges);
  });
}

void ConfigReader::read(std::string_view key, Selector& field) const {
  if (!object_.has(key)) return;
  const ConfigReader labels = below(key);
  field.clear();
  for (const std::string& label : labels.object_.keys()) {
    std::string value;
    labels.read(label, value);
    field.emplace_back(label, std::move(value));
  }
  std::ranges::sort(field);
}

void ConfigReader::read_communities(std::string_view key, std::vector<std::string>& field) const {
  std::vector<std::string> communities = field;
  read(key, communities);
  if (std::ranges::all_of(communities, is_community))
    field = std::move(communities);
  else
    refuse(key, "a list of communities such as 64512:100 or 64512:1:100");
}

std::int64_t ConfigReader::number(std::string_view key, std::int64_t otherwise,
                                  Bounds bounds) const {
  std::int64_t result = otherwise;
  attempt(key, [&] {
    const auto found = object_.find_int(key);
    if (!found) return;
    if (*found < bounds.least || *found > bounds.most)
      object_.refuse(key, "a number from " + std::to_string(bounds.least) + " to " +
                              std::to_string(bounds.most));
    result = *found;
  });
  return result;
}

ConfigReader ConfigReader::below(std::string_view key) const {
  json::Object member;
  attempt(key, [&] { member = object_.get_object(key); });
  return {std::move(member), *problems_};
}

std::vector<ConfigReader> ConfigReader::list(std::string_view key) const {
  std::vector<ConfigReader> readers;
  attempt(key, [&] {
    for (const json::Object& member :
         object_.find_objects(key).value_or(std::vector<json::Object>{}))
      readers.emplace_back(member, *problems_);
  });
  return readers;
}

}  // namespace agent
