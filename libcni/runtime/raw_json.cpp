// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/raw_json.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "libcni/spec/error.h"

namespace runtime {
namespace {

/// Walks through text that a parser has accepted, so all brackets and quotes are balanced.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  /// Moves to the start of the next value (`{`, `[`, `"` or another character) and returns that
  /// character.
  char skip_to_value() {
    at_ = std::min(text_.find_first_not_of(" \t\r\n,:\xEF\xBB\xBF", at_), text_.size());
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  void skip(std::size_t count) { at_ += count; }

  std::string_view value() {
    const char first = skip_to_value();
    const std::size_t start = at_;
    if (first == '"')
      skip_string();
    else if (first == '{' || first == '[')
      skip_nested();
    else
      at_ = std::min(text_.find_first_of(" \t\r\n,]}", at_), text_.size());
    return text_.substr(start, at_ - start);
  }

 private:
  void skip_string() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_)
      if (text_[at_] == '\\') ++at_;
    ++at_;
  }
  void skip_nested() {
    std::size_t depth = 0;
    do {
      const char c = text_[at_];
      if (c == '"') {
        skip_string();
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++at_;
    } while (depth > 0 && at_ < text_.size());
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::string decode_key(std::string_view quoted) {
  const auto inner = quoted.substr(1, quoted.size() - 2);
  if (inner.find('\\') == std::string_view::npos) return std::string(inner);
  const auto parsed = nlohmann::json::parse(quoted, nullptr, false);
  return parsed.is_string() ? parsed.get<std::string>() : std::string(inner);
}

std::string position(std::string_view text, std::size_t byte) {
  const auto before = text.substr(0, std::min(byte == 0 ? 0 : byte - 1, text.size()));
  const auto line = 1 + std::ranges::count(before, '\n');
  const auto newline = before.rfind('\n');
  const auto column = before.size() - (newline == std::string_view::npos ? 0 : newline + 1) + 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

/// The position and the error of nlohmann's parser; empty when it accepts the text.
std::string syntax_problem(std::string_view text) {
  try {
    if (nlohmann::json::parse(text).is_object()) return {};
    return position(text, 0) + ": not a JSON object";
  } catch (const nlohmann::json::parse_error& error) {
    const std::string why = error.what();
    const auto colon = why.rfind(": ");
    return position(text, error.byte) + ": " +
           (colon == std::string::npos ? why : why.substr(colon + 2));
  }
}

}  // namespace

std::vector<RawMember> split_object(std::string_view object) {
  std::vector<RawMember> members;
  Scanner scanner(object);
  scanner.skip_to_value();
  scanner.skip(1);
  while (scanner.skip_to_value() == '"') {
    std::string key = decode_key(scanner.value());
    members.push_back({std::move(key), scanner.value()});
  }
  return members;
}

std::vector<std::string_view> split_array(std::string_view array) {
  std::vector<std::string_view> elements;
  Scanner scanner(array);
  scanner.skip_to_value();
  scanner.skip(1);
  for (char c = scanner.skip_to_value(); c != ']' && c != '\0'; c = scanner.skip_to_value())
    elements.push_back(scanner.value());
  return elements;
}

std::string_view raw_member(const std::vector<RawMember>& members, std::string_view key) {
  std::string_view text;
  for (const RawMember& member : members)
    if (member.key == key) text = member.text;
  return text;
}

json::Object parse_document(std::string_view text, const std::string& where,
                            const std::string& what) {
  try {
    return json::Object::parse(text, what);
  } catch (const cni::Error& error) {
    const std::string why = syntax_problem(text);
    throw cni::Error(cni::Code::decoding_failure,
                     (where.empty() ? "" : where + ": ") + "error parsing " + what + ": " +
                         (why.empty() ? error.what() : why),
                     error.details());
  }
}

}  // namespace runtime
