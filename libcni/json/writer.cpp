// SPDX-License-Identifier: Apache-2.0
#include "libcni/json/writer.h"

#include <algorithm>

#include "libcni/json/object.h"

namespace json {

void Writer::new_line() {
  if (indent_ == 0) return;
  text_ += '\n';
  text_.append(levels_.size() * static_cast<std::size_t>(indent_), ' ');
}

void Writer::begin_value() {
  if (levels_.empty()) return;
  if (!levels_.back().empty) text_ += ',';
  levels_.back().empty = false;
  new_line();
}

void Writer::begin_member(std::string_view key) {
  begin_value();
  levels_.back().keys.emplace_back(key);
  text_ += quote(key) + (indent_ == 0 ? ":" : ": ");
}

void Writer::open(char bracket) {
  begin_value();
  text_ += bracket;
  levels_.push_back({.close = bracket == '{' ? '}' : ']'});
}

void Writer::open(std::string_view key, char bracket) {
  begin_member(key);
  text_ += bracket;
  levels_.push_back({.close = bracket == '{' ? '}' : ']'});
}

void Writer::close() {
  const Level level = std::move(levels_.back());
  levels_.pop_back();
  if (!level.empty) new_line();
  text_ += level.close;
}

void Writer::element(std::string_view text) {
  begin_value();
  text_ += quote(text);
}

void Writer::member(std::string_view key, std::string_view text) {
  raw_member(key, quote(text));
}

void Writer::member(std::string_view key, std::int64_t number) {
  raw_member(key, std::to_string(number));
}

void Writer::member(std::string_view key, std::uint64_t number) {
  raw_member(key, std::to_string(number));
}

void Writer::raw_member(std::string_view key, std::string_view json) {
  begin_member(key);
  text_ += json;
}

void Writer::members(const cni::Extra& extra) {
  for (const auto& [key, json] : extra)
    if (std::ranges::find(levels_.back().keys, key) == levels_.back().keys.end())
      raw_member(key, json);
}

}  // namespace json
