// SPDX-License-Identifier: Apache-2.0
#include "libcni/json/unknown_keys.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "libcni/base/nearest.h"

namespace json {
namespace {

using Words = std::vector<std::string_view>;

Words split(std::string_view text) {
  Words words;
  while (true) {
    const auto start = text.find_first_not_of(' ');
    if (start == std::string_view::npos) return words;
    text.remove_prefix(start);
    words.push_back(text.substr(0, text.find(' ')));
    text.remove_prefix(words.back().size());
  }
}

class Search {
 public:
  explicit Search(std::string_view known) : known_(split(known)) {}

  /// `pattern` is `path` in the form of the known words: with `[]` for every element.
  void walk(const nlohmann::json& value, const std::string& path, const std::string& pattern) {
    if (value.is_array()) {
      for (std::size_t i = 0; i < value.size(); ++i)
        walk(value[i], path + "[" + std::to_string(i) + "]", pattern + "[]");
    }
    if (!value.is_object()) return;
    const std::string dot = path.empty() ? "" : ".";
    const Words names = names_below(pattern + dot);
    if (names.empty()) return;
    for (const auto& item : value.items()) {
      const std::string& key = item.key();
      const auto name = std::ranges::find_if(names, [&](auto n) { return same_key(n, key); });
      if (name != names.end())
        walk(item.value(), path + dot + key, pattern + dot + std::string(*name));
      else
        found.push_back({path + dot + key, base::did_you_mean(key, names)});
    }
  }

  std::vector<UnknownKey> found = {};

 private:
  Words names_below(const std::string& prefix) const {
    std::set<std::string_view> names;
    for (const std::string_view word : known_)
      if (word.starts_with(prefix)) {
        const auto rest = word.substr(prefix.size());
        names.insert(rest.substr(0, rest.find_first_of(".[")));
      }
    return {names.begin(), names.end()};
  }

  Words known_;
};

}  // namespace

std::vector<UnknownKey> find_unknown_keys(const Object& object, std::string_view known) {
  Search search(known);
  search.walk(object.raw(), "", "");
  return std::move(search.found);
}

}  // namespace json
