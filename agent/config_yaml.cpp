// SPDX-License-Identifier: Apache-2.0
#include "agent/config_yaml.h"

#include <yaml-cpp/yaml.h>

#include <charconv>

#include <nlohmann/json.hpp>

#include "libcni/spec/error.h"

namespace agent {
namespace {

/// Far beyond any configuration, and far from the end of the stack.
constexpr int kDeepest = 32;

nlohmann::json scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  // yaml-cpp tags a quoted scalar `!`: `"12"` is text, 12 a number.
  if (node.Tag() == "!") return text;
  if (text.empty() || text == "~" || text == "null") return nullptr;
  if (text == "true") return true;
  if (text == "false") return false;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  return text;
}

class Converter {
 public:
  explicit Converter(const std::string& file) : file_(file) {}

  nlohmann::json value(const YAML::Node& node, int depth = 0) const {
    if (depth > kDeepest) refuse(node, "nests too deep");
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        return scalar(node);
      case YAML::NodeType::Sequence: {
        auto list = nlohmann::json::array();
        for (const auto& element : node) list.push_back(value(element, depth + 1));
        return list;
      }
      case YAML::NodeType::Map:
        return object(node, depth);
      default:
        return nullptr;
    }
  }

 private:
  nlohmann::json object(const YAML::Node& node, int depth) const {
    auto members = nlohmann::json::object();
    for (const auto& member : node) {
      if (!member.first.IsScalar()) refuse(member.first, "key is not text");
      const std::string& key = member.first.Scalar();
      if (key == "<<") refuse(member.first, "merge keys (<<) are not supported");
      if (members.contains(key)) refuse(member.first, "key \"" + key + "\" appears twice");
      members[key] = value(member.second, depth + 1);
    }
    return members;
  }

  [[noreturn]] void refuse(const YAML::Node& node, const std::string& why) const {
    throw cni::Error(cni::Code::decoding_failure,
                     file_ + ":" + std::to_string(node.Mark().line + 1) + ": " + why);
  }

  const std::string& file_;
};

}  // namespace

nlohmann::json parse_yaml(const std::string& text, const std::string& file_name) {
  try {
    return Converter(file_name).value(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    throw cni::Error(
        cni::Code::decoding_failure,
        file_name + ":" + std::to_string(error.mark.line + 1) + ": not YAML: " + error.msg);
  }
}

}  // namespace agent
