// SPDX-License-Identifier: Apache-2.0
#include "libcni/json/known_keys.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include <nlohmann/json.hpp>

#include "libcni/json/parse.h"

namespace json {
namespace {

using Value = nlohmann::json;

struct Kind {
  std::string_view name;
  std::string_view one;
  std::string_view many;
  bool (*fits)(const Value& value);
};

bool is_int(const Value& value) {
  constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();
  return value.is_number_integer() &&
         !(value.is_number_unsigned() && value.get<std::uint64_t>() > kLargest);
}

constexpr Kind kKinds[] = {
    {"string", "a string", "strings", [](const Value& v) { return v.is_string(); }},
    {"bool", "true or false", "booleans", [](const Value& v) { return v.is_boolean(); }},
    {"flag", "true or false", "booleans",
     [](const Value& v) { return v.is_boolean() || v.is_string(); }},
    {"int", "an integer", "integers", is_int},
    {"uint", "a non-negative integer", "non-negative integers",
     [](const Value& v) { return v.is_number_unsigned(); }},
    {"object", "an object", "objects", [](const Value& v) { return v.is_object(); }},
    {"map", "an object", "objects", [](const Value& v) { return v.is_object(); }},
};

const Kind* find_kind(std::string_view type) {
  const auto name = type.substr(0, type.find('('));
  const auto* kind = std::ranges::find(kKinds, name, &Kind::name);
  return kind == std::end(kKinds) ? nullptr : kind;
}

/// The type of a map's members: `string` of `map(string)`.
std::string_view member_type(std::string_view type) {
  if (!type.starts_with("map(") || !type.ends_with(')')) return {};
  return type.substr(4, type.size() - 5);
}

class Search {
 public:
  explicit Search(std::string_view known) : known_(parse_known_keys(known)) {}

  void walk_members(const Value& object, const std::string& path, const std::string& pattern) {
    const std::string dot = path.empty() ? "" : ".";
    for (const auto& [key, value] : object.items()) {
      const auto name = find_name(pattern + dot, key);
      if (!name.empty()) walk(value, path + dot + key, pattern + dot + std::string(name));
    }
  }

  std::vector<WrongType> found = {};

 private:
  /// `pattern` is `path` in the form of the table: with `[]` for every element.
  void walk(const Value& value, const std::string& path, const std::string& pattern) {
    if (value.is_null()) return;
    if (is_list(pattern)) return walk_elements(value, path, pattern);
    const std::string_view type = type_of(pattern);
    check(value, path, type);
    if (!value.is_object()) return;
    if (const auto of_member = member_type(type); !of_member.empty())
      for (const auto& [key, member] : value.items()) check(member, path + "." + key, of_member);
    walk_members(value, path, pattern);
  }

  void walk_elements(const Value& list, const std::string& path, const std::string& pattern) {
    if (!list.is_array()) return add(path, "a list of " + elements_of(pattern), list);
    for (std::size_t i = 0; i < list.size(); ++i)
      walk(list[i], path + "[" + std::to_string(i) + "]", pattern + "[]");
  }

  void check(const Value& value, const std::string& path, std::string_view type) {
    const Kind* kind = find_kind(type);
    if (kind != nullptr && !value.is_null() && !kind->fits(value)) add(path, kind->one, value);
  }

  void add(const std::string& path, std::string_view wanted, const Value& value) {
    found.push_back({path, wrong_value_text(path, wanted, print_value(value))});
  }

  bool any_starts_with(const std::string& prefix) const {
    return std::ranges::any_of(known_,
                               [&](const KnownKey& key) { return key.path.starts_with(prefix); });
  }

  bool is_list(const std::string& pattern) const { return any_starts_with(pattern + "[]"); }

  std::string_view type_of(const std::string& pattern) const {
    const auto key = std::ranges::find(known_, std::string_view(pattern), &KnownKey::path);
    if (key != known_.end()) return key->type;
    return any_starts_with(pattern + ".") ? "object" : "";
  }

  std::string elements_of(const std::string& list) const {
    const std::string pattern = list + "[]";
    if (is_list(pattern)) return "lists of " + elements_of(pattern);
    const Kind* kind = find_kind(type_of(pattern));
    return std::string(kind == nullptr ? "values" : kind->many);
  }

  /// The name below `prefix` that `key` is, in any case; empty when there is none.
  std::string_view find_name(const std::string& prefix, std::string_view key) const {
    for (const KnownKey& known : known_) {
      if (!known.path.starts_with(prefix)) continue;
      const auto rest = known.path.substr(prefix.size());
      const auto name = rest.substr(0, rest.find_first_of(".["));
      if (same_key(name, key)) return name;
    }
    return {};
  }

  std::vector<KnownKey> known_;
};

}  // namespace

std::vector<KnownKey> parse_known_keys(std::string_view words) {
  std::vector<KnownKey> keys;
  while (true) {
    const auto start = words.find_first_not_of(' ');
    if (start == std::string_view::npos) return keys;
    words.remove_prefix(start);
    const auto word = words.substr(0, words.find(' '));
    words.remove_prefix(word.size());
    const auto colon = word.find(':');
    keys.push_back({word.substr(0, colon),
                    colon == std::string_view::npos ? std::string_view() : word.substr(colon + 1)});
  }
}

std::vector<WrongType> find_wrong_types(const Object& object, std::string_view known) {
  Search search(known);
  search.walk_members(object.raw(), "", "");
  return std::move(search.found);
}

}  // namespace json
