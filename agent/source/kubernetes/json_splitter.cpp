// SPDX-License-Identifier: Apache-2.0
#include "agent/source/kubernetes/json_splitter.h"

#include <algorithm>
#include <stdexcept>

namespace agent::kubernetes {
namespace {

constexpr std::size_t kMaxDepth = 200;

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

}  // namespace

void JsonSplitter::append(std::string_view text) {
  std::string& to = in_item() ? object_ : envelope_;
  if (to.size() + text.size() > kMaxSize)
    throw std::invalid_argument("an object is larger than " + std::to_string(kMaxSize) + " bytes");
  to += text;
}

void JsonSplitter::open(char bracket) {
  if (depth_.size() == kMaxDepth) throw std::invalid_argument("JSON nests deeper than 200 levels");
  const bool begins =
      !in_item() && bracket == '{' && (unit_ == Unit::document ? depth_.empty() : depth_ == "{[");
  if (depth_.empty() && bracket != '{') throw std::invalid_argument("not a JSON object");
  begun_ = true;
  depth_ += bracket;
  if (begins) item_depth_ = depth_.size();
  append({&bracket, 1});
}

void JsonSplitter::close(char bracket) {
  if (depth_.empty() || depth_.back() != (bracket == '}' ? '{' : '['))
    throw std::invalid_argument(std::string("unexpected '") + bracket + "' in JSON");
  append({&bracket, 1});
  const bool ends = in_item() && depth_.size() == item_depth_;
  depth_.pop_back();
  after_item_ = ends;
  if (!ends) return;
  item_depth_ = 0;
  on_object_(object_);
  object_.clear();
}

void JsonSplitter::feed(std::string_view piece) {
  while (!piece.empty()) {
    if (in_string_) {
      // Most of a node is text: skip to the next quote or backslash at once.
      const auto end = escaped_ ? 0 : std::min(piece.find_first_of("\"\\"), piece.size());
      const bool stops = end < piece.size();
      append(piece.substr(0, stops ? end + 1 : end));
      if (stops) {
        in_string_ = escaped_ || piece[end] != '"';
        escaped_ = !escaped_ && piece[end] == '\\';
      }
      piece.remove_prefix(stops ? end + 1 : end);
      continue;
    }
    const char c = piece.front();
    piece.remove_prefix(1);
    if (c == '{' || c == '[') {
      after_item_ = false;
      open(c);
    } else if (c == '}' || c == ']') {
      close(c);
    } else if (depth_.empty()) {
      if (!is_space(c)) throw std::invalid_argument("text between JSON documents");
    } else if (!(c == ',' && after_item_ && !in_item())) {
      in_string_ = c == '"';
      append({&c, 1});
    }
  }
}

}  // namespace agent::kubernetes
