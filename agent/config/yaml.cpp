// SPDX-License-Identifier: Apache-2.0
#include "agent/config/yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "libcni/json/object.h"

namespace agent {
namespace {

/// Deeper than any configuration, and far from the end of the stack.
constexpr int kDeepest = 32;
/// The limit of attempts to parse a part of a broken text.
constexpr int kMostLinesLeftOut = 50;

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
  explicit Converter(ProblemCollector& problems) : problems_(problems) {}

  nlohmann::json value(const YAML::Node& node, const std::string& path = {}, int depth = 0) {
    if (depth > kDeepest) return refuse(node, "nests too deep");
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        return scalar(node);
      case YAML::NodeType::Sequence:
        return list(node, path, depth);
      case YAML::NodeType::Map:
        return object(node, path, depth);
      default:
        return nullptr;
    }
  }

 private:
  nlohmann::json list(const YAML::Node& node, const std::string& path, int depth) {
    auto elements = nlohmann::json::array();
    for (const auto& element : node) {
      const std::string here = path + "[" + std::to_string(elements.size()) + "]";
      note_line(here, element);
      elements.push_back(value(element, here, depth + 1));
    }
    return elements;
  }

  nlohmann::json object(const YAML::Node& node, const std::string& path, int depth) {
    auto members = nlohmann::json::object();
    for (const auto& member : node) {
      if (!member.first.IsScalar()) {
        refuse(member.first, "key is not text");
        continue;
      }
      const std::string& key = member.first.Scalar();
      if (key == "<<") {
        refuse(member.first, "merge keys (<<) are not supported");
      } else if (members.contains(key)) {
        refuse(member.first, "key " + json::quote(key) + " appears twice");
      } else {
        const std::string here = path + (path.empty() ? "" : ".") + key;
        note_line(here, member.first);
        members[key] = value(member.second, here, depth + 1);
      }
    }
    return members;
  }

  void note_line(const std::string& path, const YAML::Node& node) {
    problems_.lines.emplace(path, node.Mark().line + 1);
  }

  nlohmann::json refuse(const YAML::Node& node, const std::string& why) {
    problems_.truncated = true;
    problems_.add_at(node.Mark().line + 1, why);
    return nullptr;
  }

  ProblemCollector& problems_;
};

/// The lines before line `count`, which counts from 0.
std::string first_lines(const std::string& text, int count) {
  std::size_t end = 0;
  for (; count > 0 && end < text.size(); --count)
    end = std::min(text.find('\n', end), text.size() - 1) + 1;
  return text.substr(0, end);
}

/// The longest beginning that is YAML and ends above line `line`, or a few lines earlier: a missing
/// bracket is noticed only at the end.
YAML::Node load_above(const std::string& text, int line) {
  for (int tries = 0; line > 0 && tries < kMostLinesLeftOut; --line, ++tries) {
    try {
      return YAML::Load(first_lines(text, line));
    } catch (const YAML::Exception&) {
      continue;
    }
  }
  return {};
}

YAML::Node load(const std::string& text, ProblemCollector& problems) {
  try {
    return YAML::Load(text);
  } catch (const YAML::Exception& error) {
    problems.truncated = true;
    problems.add_at(std::max(error.mark.line + 1, 1), "not YAML: " + error.msg);
    return load_above(text, error.mark.line);
  }
}

}  // namespace

nlohmann::json parse_yaml(const std::string& text, ProblemCollector& problems) {
  return Converter(problems).value(load(text, problems));
}

std::vector<nlohmann::json> parse_yaml_documents(const std::string& text,
                                                 ProblemCollector& problems) try {
  std::vector<nlohmann::json> documents;
  for (const YAML::Node& node : YAML::LoadAll(text))
    documents.push_back(Converter(problems).value(node));
  return documents;
} catch (const YAML::Exception& error) {
  problems.truncated = true;
  problems.add_at(std::max(error.mark.line + 1, 1), "not YAML: " + error.msg);
  return {};
}

}  // namespace agent
