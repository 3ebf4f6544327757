// SPDX-License-Identifier: Apache-2.0
#include "libcni/json/unknown_keys.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "libcni/base/nearest.h"
#include "libcni/json/known_keys.h"

namespace json {
namespace {

using Words = std::vector<std::string_view>;

class Search {
 public:
  explicit Search(std::string_view known) : known_(parse_known_keys(known)) {}

  /// `pattern` is `path` in the form of the known words: with `[]` for every element.
  void walk(const nlohmann::json& value, const std::string& path, const std::string& pattern) {
    if (value.is_array() && !names_below(pattern + "[]").empty()) {
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
    for (const KnownKey& known : known_)
      if (known.path.starts_with(prefix)) {
        const auto rest = known.path.substr(prefix.size());
        names.insert(rest.substr(0, rest.find_first_of(".[")));
      }
    return {names.begin(), names.end()};
  }

  std::vector<KnownKey> known_;
};

}  // namespace

std::vector<UnknownKey> find_unknown_keys(const Object& object, std::string_view known) {
  Search search(known);
  search.walk(object.raw(), "", "");
  return std::move(search.found);
}

}  // namespace json
