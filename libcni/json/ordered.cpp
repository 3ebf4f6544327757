// SPDX-License-Identifier: Apache-2.0
#include "libcni/json/ordered.h"

#include <nlohmann/json.hpp>

#include "libcni/json/object.h"
#include "libcni/json/parse.h"

namespace json {
namespace {

using Value = nlohmann::json;

/// Collects the members while the document passes by: Object keeps them sorted by key, each once.
class Collector : public nlohmann::json_sax<Value> {
 public:
  explicit Collector(std::initializer_list<std::string_view> path) : path_(path) {}
  std::vector<std::pair<std::string, std::string>> take() { return std::move(found_); }

  bool null() override {
    if (leads_on_) found_.clear();
    return pass();
  }
  bool boolean(bool) override { return pass(); }
  bool number_integer(std::int64_t) override { return pass(); }
  bool number_unsigned(std::uint64_t) override { return pass(); }
  bool number_float(double, const std::string&) override { return pass(); }
  bool binary(Value::binary_t&) override { return pass(); }
  bool string(std::string& value) override {
    if (is_member()) found_.emplace_back(std::move(key_), std::move(value));
    return pass();
  }
  bool key(std::string& name) override {
    if (depth_ != on_path_) return true;
    const std::size_t followed = on_path_ - 1;
    leads_on_ = followed < path_.size() && same_key(name, path_[followed]);
    key_ = std::move(name);
    return true;
  }
  bool start_object(std::size_t) override {
    if (leads_on_) ++on_path_;
    ++depth_;
    return pass();
  }
  bool start_array(std::size_t) override {
    ++depth_;
    return pass();
  }
  bool end_object() override { return leave(); }
  bool end_array() override { return leave(); }
  bool parse_error(std::size_t, const std::string&, const Value::exception&) override {
    return false;
  }

 private:
  bool is_member() const { return depth_ == on_path_ && on_path_ == path_.size() + 1; }
  bool pass() {
    leads_on_ = false;
    return true;
  }
  bool leave() {
    if (depth_ == on_path_) --on_path_;
    --depth_;
    return true;
  }

  std::vector<std::string_view> path_;
  std::vector<std::pair<std::string, std::string>> found_;
  std::string key_;
  bool leads_on_ = true;     ///< the next value is the document or what the path's next key names
  std::size_t depth_ = 0;    ///< open objects and lists
  std::size_t on_path_ = 0;  ///< the first of them, which the path leads through
};

}  // namespace

std::vector<std::pair<std::string, std::string>> list_texts(
    std::string_view text, std::initializer_list<std::string_view> path) {
  Collector collector(path);
  Value::sax_parse(to_utf8(text), &collector);
  return collector.take();
}

}  // namespace json
