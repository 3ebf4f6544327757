// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/config/config.h"
#include "agent/config/problems.h"
#include "libcni/json/object.h"

namespace agent {

/// Smallest and largest number that a key takes.
struct Bounds {
  std::int64_t least;
  std::int64_t most;
};

/// Reads members of one object of the configuration into the fields they set; an absent member
/// leaves its field alone. A wrong value leaves it alone, too, and is added to the problems with
/// key, value and what would be right.
class ConfigReader {
 public:
  /// Adds keys that the configuration does not have to the problems.
  ConfigReader(json::Object object, ProblemCollector& problems);

  void read(std::string_view key, std::string& field) const;
  void read(std::string_view key, bool& field) const;
  void read(std::string_view key, std::optional<bool>& field) const;
  void read(std::string_view key, std::vector<std::string>& field) const;
  void read(std::string_view key, std::vector<base::IpAddress>& field) const;
  void read(std::string_view key, std::vector<base::Prefix>& field) const;
  void read(std::string_view key, Selector& field) const;
  template <typename Number>
  void read(std::string_view key, Number& field, Bounds bounds) const {
    field = static_cast<Number>(number(key, static_cast<std::int64_t>(field), bounds));
  }
  /// Zero stands for another setting and leaves the field alone.
  template <typename Number>
  void read_unless_zero(std::string_view key, Number& field, Bounds bounds) const {
    std::int64_t given = 0;
    attempt(key, [&] { given = object_.find_int(key).value_or(0); });
    if (given != 0) read(key, field, bounds);
  }
  /// `64512:100`, or `64512:1:100`.
  void read_communities(std::string_view key, std::vector<std::string>& field) const;
  bool has(std::string_view key) const { return object_.has(key); }
  /// The member object, an empty one when absent.
  ConfigReader below(std::string_view key) const;
  /// The member list's objects.
  std::vector<ConfigReader> list(std::string_view key) const;
  /// Adds what `key` must be to the problems.
  void refuse(std::string_view key, std::string_view wanted) const;
  /// Runs `read`; the cni::Error that it throws is a problem of `key`.
  void attempt(std::string_view key, const std::function<void()>& read) const;

 private:
  std::int64_t number(std::string_view key, std::int64_t otherwise, Bounds bounds) const;
  json::Object object_;
  ProblemCollector* problems_;
};

void read_bgp(const ConfigReader& reader, BgpConfig& bgp);

}  // namespace agent
