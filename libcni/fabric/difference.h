// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <functional>
#include <span>
#include <utility>
#include <vector>

namespace fabric {

/// The changes that turn one table into another.
template <typename Object>
struct Difference {
  std::vector<Object> add = {};
  std::vector<Object> replace = {};  ///< wanted objects whose key the table has with other content
  std::vector<Object> remove = {};   ///< present objects
};

/// The rest of two lists without their common beginning and end.
template <typename Object>
std::pair<std::span<const Object>, std::span<const Object>> trim_common(std::span<const Object> a,
                                                                        std::span<const Object> b) {
  const auto head = std::ranges::mismatch(a, b);
  a = {head.in1, a.end()};
  b = {head.in2, b.end()};
  const auto tail = std::mismatch(a.rbegin(), a.rend(), b.rbegin(), b.rend());
  return {{a.begin(), tail.first.base()}, {b.begin(), tail.second.base()}};
}

/// Compares tables whose objects are found by `key`; a present object is right when
/// `same(wanted, present)`. Sorts both. The first of several wanted objects with one key counts; at
/// most one of several present objects stays.
template <typename Object, typename Key, typename Same>
Difference<Object> difference(std::vector<Object>& wanted, std::vector<Object>& present, Key key,
                              Same same) {
  std::ranges::stable_sort(wanted, {}, key);
  std::ranges::stable_sort(present, {}, key);
  Difference<Object> result;
  auto at = present.begin();
  const auto remove_until = [&](auto end) {
    result.remove.insert(result.remove.end(), at, end);
    at = end;
  };
  const Object* previous = nullptr;
  for (const Object& object : wanted) {
    if (previous != nullptr && key(*previous) == key(object)) continue;
    previous = &object;
    remove_until(std::find_if(at, present.end(),
                              [&](const Object& other) { return !(key(other) < key(object)); }));
    const auto end = std::find_if(at, present.end(),
                                  [&](const Object& other) { return key(object) < key(other); });
    const auto right =
        std::find_if(at, end, [&](const Object& other) { return same(object, other); });
    if (at == end) {
      result.add.push_back(object);
    } else if (right == end) {
      result.replace.push_back(object);
      ++at;  // the kernel replaces the first
      remove_until(end);
    } else {
      remove_until(right);
      ++at;
      remove_until(end);
    }
  }
  remove_until(present.end());
  return result;
}

}  // namespace fabric
