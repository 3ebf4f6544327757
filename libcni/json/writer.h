// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libcni/spec/result.h"

namespace json {

/// Writes one JSON document in the order of the calls: on one line, or indented.
class Writer {
 public:
  /// `indent` spaces per level; 0 writes one line.
  explicit Writer(int indent = 0) : indent_(indent) {}

  /// Opens an object or a list: the document, or an element of the list that is open.
  void open(char bracket);
  /// Opens an object or a list as the member `key` of the open object.
  void open(std::string_view key, char bracket);
  void close();

  void element(std::string_view text);
  void member(std::string_view key, std::string_view text);
  void member(std::string_view key, std::int64_t number);
  void member(std::string_view key, std::uint64_t number);
  /// A member whose value is given as JSON text.
  void raw_member(std::string_view key, std::string_view json);
  /// The members of `extra` whose key the open object does not have yet.
  void members(const cni::Extra& extra);

  const std::string& text() const { return text_; }

 private:
  struct Level {
    char close;
    bool empty = true;
    std::vector<std::string> keys = {};
  };
  void begin_value();
  void begin_member(std::string_view key);
  void new_line();

  int indent_;
  std::string text_;
  std::vector<Level> levels_;
};

}  // namespace json
