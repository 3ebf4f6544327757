// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "libcni/spec/error.h"

namespace json {

/// A JSON object being read, with the path that leads to it for messages. Cheap to copy.
///
/// Reading follows what configurations in the field depend on: keys match in any case with the
/// exact one preferred, null is absent, a later duplicate wins, types are strict (`"10"` and `1.0`
/// are not integers), an empty list differs from an absent one. Every getter throws cni::Error(6)
/// naming key, value and the required type. The caller checks ranges and meaning and throws code 7.
class Object {
 public:
  /// An empty object.
  Object();
  /// Parses one document. Throws cni::Error(6) when it is not exactly one JSON object, or nests
  /// deeper than 10 000 levels. Malformed UTF-8 becomes U+FFFD. `what` names the document.
  static Object parse(std::string_view text, std::string_view what, std::string path = {});

  bool has(std::string_view key) const;  ///< present and not null
  std::optional<std::string> find_string(std::string_view key) const;
  std::string get_string(std::string_view key, std::string_view otherwise = "") const;
  std::optional<bool> find_bool(std::string_view key) const;
  bool get_bool(std::string_view key, bool otherwise = false) const;
  std::optional<std::int64_t> find_int(std::string_view key) const;
  std::optional<std::uint64_t> find_uint(std::string_view key) const;
  std::optional<Object> find_object(std::string_view key) const;
  Object get_object(std::string_view key) const;  ///< empty when absent
  std::optional<std::vector<Object>> find_objects(std::string_view key) const;
  std::optional<std::vector<std::string>> find_strings(std::string_view key) const;
  /// A list of lists of objects, such as host-local's `ranges`.
  std::optional<std::vector<std::vector<Object>>> find_object_lists(std::string_view key) const;

  std::vector<std::string> keys() const;
  /// Returns whether there is a member with exactly this key, in this case; for the keys of the CNI
  /// specification.
  bool has_exactly(std::string_view key) const;
  /// A key that differs from `key` only in case, for hints; empty when there is none.
  std::string near_miss(std::string_view key) const;
  std::string text() const;  ///< compact JSON of this object
  /// The same, with `members` (name to JSON text) replacing members of these names in any case.
  std::string text_with(const std::map<std::string, std::string>& members) const;
  std::string text_of(std::string_view key) const;   ///< compact JSON of a member, "" when absent
  const std::string& path() const { return path_; }  ///< such as `ipam.ranges[0]`, empty at the top
  std::string path_of(std::string_view key) const;

  /// Throws: `key "ipam.subnet" must be <wanted>, not "10.1/16"`.
  [[noreturn]] void refuse(std::string_view key, std::string_view wanted,
                           cni::Code code = cni::Code::invalid_config) const;

  /// For libcni/json and conf.cpp files that need more than the getters.
  const nlohmann::json& raw() const { return *value_; }
  Object(std::shared_ptr<const nlohmann::json> root, const nlohmann::json& value, std::string path);

 private:
  const nlohmann::json* find(std::string_view key) const;
  std::vector<Object> objects_of(const nlohmann::json& list, const std::string& path) const;
  std::shared_ptr<const nlohmann::json> root_;
  const nlohmann::json* value_;
  std::string path_;
};

/// Returns whether both are the same key, ignoring ASCII case.
bool same_key(std::string_view a, std::string_view b);

/// Quotes `text` as a JSON string; malformed UTF-8 becomes U+FFFD.
std::string quote(std::string_view text);
/// The same for the first 60 bytes of `text`, for messages that quote input.
std::string excerpt(std::string_view text);

}  // namespace json
