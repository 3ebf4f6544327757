// SPDX-License-Identifier: Apache-2.0
#include "agent/source/kubernetes/visit_json.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <vector>

#include <nlohmann/json.hpp>

namespace agent::kubernetes {
namespace {

/// nlohmann's SAX events with the path that they are at.
class Handler final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Handler(JsonVisitor& visitor) : visitor_(visitor) {}

  bool null() override { return true; }
  bool boolean(bool value) override {
    visitor_.boolean(path(), value);
    return true;
  }
  bool number_integer(number_integer_t value) override {
    visitor_.number(path(), value);
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (value <= std::numeric_limits<std::int64_t>::max())
      visitor_.number(path(), static_cast<std::int64_t>(value));
    return true;
  }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t& value) override {
    visitor_.text(path(), value);
    return true;
  }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return enter(); }
  bool start_array(std::size_t) override { return enter(); }
  bool key(string_t& name) override {
    keys_[depth_ - 1].swap(name);
    return true;
  }
  bool end_object() override {
    --depth_;
    visitor_.end_object(path());
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override {
    throw std::invalid_argument("malformed JSON at byte " + std::to_string(position));
  }

 private:
  Path path() const { return {keys_.data(), depth_}; }
  // The strings of left levels stay, and with them their memory: no allocation per level.
  bool enter() {
    if (++depth_ > keys_.size()) keys_.emplace_back();
    keys_[depth_ - 1].clear();
    return true;
  }

  JsonVisitor& visitor_;
  std::vector<std::string> keys_;
  std::size_t depth_ = 0;
};

}  // namespace

bool is_at(Path path, std::initializer_list<std::string_view> keys) {
  return std::ranges::equal(path, keys);
}

void visit_json(std::string_view document, JsonVisitor& visitor) {
  Handler handler(visitor);
  nlohmann::json::sax_parse(document.begin(), document.end(), &handler);
}

}  // namespace agent::kubernetes
