// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "agent/config.h"
#include "libcni/json/object.h"

namespace agent {

/// Smallest and largest number that a key takes.
struct Bounds {
  std::int64_t least;
  std::int64_t most;
};

/// Reads members of one object of the configuration into the fields they set; an absent member
/// leaves its field alone. Everything throws cni::Error naming key, value and what would be right.
class ConfigReader {
 public:
  /// Refuses keys that the configuration does not have.
  explicit ConfigReader(json::Object object);

  void read(std::string_view key, std::string& field) const;
  void read(std::string_view key, bool& field) const;
  void read(std::string_view key, std::vector<std::string>& field) const;
  void read(std::string_view key, std::vector<base::IpAddress>& field) const;
  void read(std::string_view key, std::vector<base::Prefix>& field) const;
  void read(std::string_view key, Selector& field) const;
  template <typename Number>
  void read(std::string_view key, Number& field, Bounds bounds) const {
    field = static_cast<Number>(number(key, static_cast<std::int64_t>(field), bounds));
  }
  /// `64512:100`, or `64512:1:100`.
  void read_communities(std::string_view key, std::vector<std::string>& field) const;
  /// The member object, an empty one when absent.
  ConfigReader below(std::string_view key) const;
  const json::Object& object() const { return object_; }
  [[noreturn]] void refuse(std::string_view key, std::string_view wanted) const;

 private:
  std::int64_t number(std::string_view key, std::int64_t otherwise, Bounds bounds) const;
  json::Object object_;
};

void read_bgp(const ConfigReader& reader, BgpConfig& bgp);

}  // namespace agent
