// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace agent::kubernetes {

/// The position of a value: keys from the outside in; an element of an array is the key "".
using Path = std::span<const std::string>;
bool is_at(Path path, std::initializer_list<std::string_view> keys);

/// Gets the values of a document one after another; the parser itself keeps none of them.
class JsonVisitor {
 public:
  virtual ~JsonVisitor() = default;
  virtual void text(Path path, std::string& value) = 0;
  virtual void number(Path, std::int64_t) {}
  virtual void boolean(Path, bool) {}
  /// The object at `path` is complete.
  virtual void end_object(Path) {}
};

/// Throws std::invalid_argument unless `document` is one well-formed JSON document.
void visit_json(std::string_view document, JsonVisitor& visitor);

}  // namespace agent::kubernetes
