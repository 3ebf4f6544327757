// SPDX-License-Identifier: Apache-2.0
#include "libcni/json/parse.h"

#include <array>
#include <cstdio>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "libcni/base/utf8.h"
#include "libcni/json/object.h"
#include "libcni/spec/error.h"

namespace json {
namespace {

using Value = nlohmann::json;

constexpr std::size_t kMaxDepth = 10'000;
constexpr std::size_t kMaxValues = 400'000;  // needs some 40 MiB; no configuration has so many
constexpr std::size_t kMaxMessage = 190;     // so that a msg stays below 200 bytes
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kReplacement = "\xef\xbf\xbd";

/// Builds the value. The library's own builder has no limit on depth and throws other exceptions.
class Builder : public nlohmann::json_sax<Value> {
 public:
  explicit Builder(std::string_view what) : what_(what) {}
  Value take() { return std::move(root_); }
  [[noreturn]] void fail(std::string_view why) const {
    const std::string message = std::string(what_) + ": " + std::string(why);
    throw cni::Error(cni::Code::decoding_failure, message.substr(0, kMaxMessage));
  }

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(std::int64_t value) override { return put(value); }
  bool number_unsigned(std::uint64_t value) override { return put(value); }
  bool number_float(double value, const std::string&) override { return put(value); }
  bool string(std::string& value) override { return put(std::move(value)); }
  bool binary(Value::binary_t&) override { return false; }
  bool start_object(std::size_t) override { return enter(Value::object()); }
  bool start_array(std::size_t) override { return enter(Value::array()); }
  bool end_object() override { return leave(); }
  bool end_array() override { return leave(); }
  bool key(std::string& name) override {
    member_ = &(*open_.back())[name];
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const Value::exception& e) override {
    const std::string_view text = e.what();
    const auto bracket = text.find("] ");  // the library's name for the exception ends there
    fail(text.substr(bracket == text.npos ? 0 : bracket + 2));
  }

 private:
  bool put(Value&& value) {
    place(std::move(value));
    return true;
  }
  Value* place(Value&& value) {
    if (++values_ > kMaxValues) fail("more than 400000 values");
    if (open_.empty()) return &(root_ = std::move(value));
    if (open_.back()->is_object()) return &(*member_ = std::move(value));
    open_.back()->push_back(std::move(value));
    return &open_.back()->back();
  }
  bool enter(Value&& container) {
    if (open_.size() == kMaxDepth) fail("nested deeper than 10000 levels");
    open_.push_back(place(std::move(container)));
    return true;
  }
  bool leave() {
    open_.pop_back();
    return true;
  }

  std::string_view what_;
  Value root_;
  std::vector<Value*> open_;
  Value* member_ = nullptr;
  std::size_t values_ = 0;
};

/// Drops the leading ASCII characters that satisfy `condition`; returns them.
template <typename Condition>
std::string_view take_ascii(std::string_view& text, const Condition& condition) {
  std::size_t size = 0;
  while (size < text.size() && static_cast<unsigned char>(text[size]) < 0x80 &&
         condition(text[size]))
    ++size;
  const std::string_view taken = text.substr(0, size);
  text.remove_prefix(size);
  return taken;
}

bool is_utf8(std::string_view text) {
  while (take_ascii(text, [](char) { return true; }), !text.empty())
    if (!base::next_code_point(text)) return false;
  return true;
}

/// Returns whether JSON text can hold the ASCII character as it is.
bool needs_no_escape(char c) {
  return c >= 0x20 && c != 0x7f && c != '"' && c != '\\';
}

/// The shortest text that reads back as `number`, and as a floating-point number.
std::string float_text(double number) {
  std::array<char, 32> text{};
  for (int digits = 15; digits <= 17; ++digits) {
    std::snprintf(text.data(), text.size(), "%.*g", digits, number);
    if (std::strtod(text.data(), nullptr) == number) break;
  }
  std::string result = text.data();
  return result.find_first_of(".e") == std::string::npos ? result + ".0" : result;
}

std::string scalar_text(const Value& value) {
  if (value.is_string()) return quote(value.get_ref<const std::string&>());
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number_unsigned()) return std::to_string(value.get<std::uint64_t>());
  if (value.is_number_integer()) return std::to_string(value.get<std::int64_t>());
  if (value.is_number_float()) return float_text(value.get<double>());
  return "null";
}

}  // namespace

nlohmann::json parse_value(std::string_view text, std::string_view what) {
  Builder builder(what);
  if (text.starts_with(kByteOrderMark)) builder.fail("starts with a byte order mark");
  if (is_utf8(text))
    Value::sax_parse(text, &builder);
  else
    Value::sax_parse(to_utf8(text), &builder);
  return builder.take();
}

std::string to_utf8(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const std::string_view before = text;
    if (base::next_code_point(text)) {
      clean += before.substr(0, before.size() - text.size());
    } else {
      clean += kReplacement;
      text.remove_prefix(1);
    }
  }
  return clean;
}

std::string wrong_value_text(const std::string& path, std::string_view wanted,
                             std::string_view got) {
  constexpr std::size_t kMaxQuoted = 60;
  return "key \"" + path + "\" must be " + std::string(wanted) + ", not " +
         std::string(got.substr(0, kMaxQuoted)) + (got.size() > kMaxQuoted ? "..." : "");
}

std::string print_value(const nlohmann::json& root) {
  struct Frame {
    const Value* container;
    Value::const_iterator next;
  };
  std::string text;
  std::vector<Frame> open;  // instead of recursion: a configuration may nest 10 000 levels
  const Value* value = &root;
  while (true) {
    if (value->is_structured()) {
      text += value->is_object() ? '{' : '[';
      open.push_back({value, value->begin()});
    } else {
      text += scalar_text(*value);
    }
    while (!open.empty() && open.back().next == open.back().container->end()) {
      text += open.back().container->is_object() ? '}' : ']';
      open.pop_back();
    }
    if (open.empty()) return text;
    Frame& frame = open.back();
    if (frame.next != frame.container->begin()) text += ',';
    if (frame.container->is_object()) text += quote(frame.next.key()) + ':';
    value = &*frame.next++;
  }
}

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  while (quoted += take_ascii(text, needs_no_escape), !text.empty()) {
    const std::string_view before = text;
    const auto point = base::next_code_point(text);
    if (!point) {
      quoted += kReplacement;
      text.remove_prefix(1);
    } else if (*point == '"' || *point == '\\') {
      quoted += '\\';
      quoted += before[0];
    } else if (base::is_control(*point)) {
      std::array<char, 7> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", *point);
      quoted += *point == '\n' ? "\\n" : escape.data();
    } else {
      quoted += before.substr(0, before.size() - text.size());
    }
  }
  return quoted + '"';
}

std::string excerpt(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  return quote(text.substr(0, kLongest)) + (text.size() > kLongest ? "..." : "");
}

}  // namespace json
