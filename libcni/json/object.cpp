// SPDX-License-Identifier: Apache-2.0
#include "libcni/json/object.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "libcni/json/parse.h"
#include "libcni/json/writer.h"
#include "libcni/spec/error.h"

namespace json {
namespace {

using Value = nlohmann::json;

[[noreturn]] void refuse_value(const std::string& path, std::string_view wanted,
                               std::string_view got, cni::Code code) {
  throw cni::Error(code, wrong_value_text(path, wanted, got));
}

[[noreturn]] void refuse_type(const std::string& path, std::string_view wanted,
                              const Value& value) {
  refuse_value(path, wanted, print_value(value), cni::Code::decoding_failure);
}

std::string element_path(const std::string& list, std::size_t index) {
  return list + "[" + std::to_string(index) + "]";
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool same_key(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

void Object::refuse(std::string_view key, std::string_view wanted, cni::Code code) const {
  refuse_value(path_of(key), wanted, has(key) ? text_of(key) : "absent", code);
}

Object::Object() {
  static const Value kEmpty = Value::object();
  value_ = &kEmpty;
}

Object::Object(std::shared_ptr<const Value> root, const Value& value, std::string path)
    : root_(std::move(root)), value_(&value), path_(std::move(path)) {}

Object Object::parse(std::string_view text, std::string_view what, std::string path) {
  auto root = std::make_shared<const Value>(parse_value(text, what));
  if (root->is_null()) return {};
  if (!root->is_object())
    throw cni::Error(cni::Code::decoding_failure,
                     std::string(what) + ": must be a JSON object, got " + root->type_name());
  const Value& value = *root;
  return {std::move(root), value, std::move(path)};
}

const Value* Object::find(std::string_view key) const {
  auto member = value_->find(key);
  if (member == value_->end()) {
    member = value_->begin();
    while (member != value_->end() && !same_key(member.key(), key)) ++member;
  }
  return member == value_->end() || member->is_null() ? nullptr : &*member;
}

bool Object::has(std::string_view key) const {
  return find(key) != nullptr;
}

bool Object::has_exactly(std::string_view key) const {
  const auto member = value_->find(key);
  return member != value_->end() && !member->is_null();
}

std::string Object::near_miss(std::string_view key) const {
  for (const auto& name : keys())
    if (name != key && same_key(name, key)) return name;
  return {};
}

std::optional<std::string> Object::find_string(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) refuse_type(path_of(key), "a string", *value);
  return value->get<std::string>();
}

std::string Object::get_string(std::string_view key, std::string_view otherwise) const {
  return find_string(key).value_or(std::string(otherwise));
}

std::optional<bool> Object::find_bool(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) refuse_type(path_of(key), "true or false", *value);
  return value->get<bool>();
}

bool Object::get_bool(std::string_view key, bool otherwise) const {
  return find_bool(key).value_or(otherwise);
}

std::optional<std::int64_t> Object::find_int(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();
  if (!value->is_number_integer() ||
      (value->is_number_unsigned() && value->get<std::uint64_t>() > kLargest))
    refuse_type(path_of(key), "an integer", *value);
  return value->get<std::int64_t>();
}

std::optional<std::uint64_t> Object::find_uint(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_unsigned()) refuse_type(path_of(key), "a non-negative integer", *value);
  return value->get<std::uint64_t>();
}

std::optional<Object> Object::find_object(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) refuse_type(path_of(key), "an object", *value);
  return Object(root_, *value, path_of(key));
}

Object Object::get_object(std::string_view key) const {
  return find_object(key).value_or(Object(root_, *Object().value_, path_of(key)));
}

std::optional<std::vector<Object>> Object::find_objects(std::string_view key) const {
  const Value* list = find(key);
  if (list == nullptr) return std::nullopt;
  return objects_of(*list, path_of(key));
}

std::vector<Object> Object::objects_of(const Value& list, const std::string& path) const {
  if (!list.is_array()) refuse_type(path, "a list of objects", list);
  std::vector<Object> objects;
  for (const auto& element : list) {
    const std::string where = element_path(path, objects.size());
    if (!element.is_object()) refuse_type(where, "an object", element);
    objects.emplace_back(root_, element, where);
  }
  return objects;
}

std::optional<std::vector<std::string>> Object::find_strings(std::string_view key) const {
  const Value* list = find(key);
  if (list == nullptr) return std::nullopt;
  if (!list->is_array()) refuse_type(path_of(key), "a list of strings", *list);
  std::vector<std::string> strings;
  for (const auto& element : *list) {
    if (!element.is_string())
      refuse_type(element_path(path_of(key), strings.size()), "a string", element);
    strings.push_back(element.get<std::string>());
  }
  return strings;
}

std::optional<std::vector<std::vector<Object>>> Object::find_object_lists(
    std::string_view key) const {
  const Value* lists = find(key);
  if (lists == nullptr) return std::nullopt;
  if (!lists->is_array()) refuse_type(path_of(key), "a list of lists of objects", *lists);
  std::vector<std::vector<Object>> result;
  for (const auto& list : *lists)
    result.push_back(objects_of(list, element_path(path_of(key), result.size())));
  return result;
}

std::vector<std::string> Object::keys() const {
  std::vector<std::string> names;
  for (auto member = value_->begin(); member != value_->end(); ++member)
    names.push_back(member.key());
  return names;
}

std::string Object::text() const {
  return print_value(*value_);
}

std::string Object::text_with(const std::map<std::string, std::string>& members) const {
  Writer writer;
  writer.open('{');
  for (auto member = value_->begin(); member != value_->end(); ++member)
    if (std::ranges::none_of(members,
                             [&](const auto& ours) { return same_key(ours.first, member.key()); }))
      writer.raw_member(member.key(), print_value(*member));
  for (const auto& [key, json] : members) writer.raw_member(key, json);
  writer.close();
  return writer.text();
}

std::string Object::text_of(std::string_view key) const {
  const Value* value = find(key);
  return value == nullptr ? "" : print_value(*value);
}

std::string Object::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

}  // namespace json
