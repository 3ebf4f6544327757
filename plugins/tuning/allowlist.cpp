// SPDX-License-Identifier: Apache-2.0
#include "plugins/tuning/allowlist.h"

#include <climits>
#include <regex>
#include <string_view>
#include <vector>

#include "libcni/base/file.h"

namespace tuning {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\v\f";
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    if (!line.empty()) lines.emplace_back(line.substr(0, line.find_last_not_of(kBlanks) + 1));
  }
  return lines;
}

std::vector<std::regex> compile(const std::vector<std::string>& lines, const std::string& path) {
  std::vector<std::regex> patterns;
  for (const std::string& line : lines) {
    try {
      patterns.emplace_back(line, std::regex::ECMAScript | std::regex::nosubs);
    } catch (const std::regex_error&) {
      throw cni::Error(cni::Code::invalid_config,
                       "cannot read the regular expression " + json::excerpt(line) + " of " + path,
                       "no sysctl is set while a line of this file is wrong");
    }
  }
  return patterns;
}

bool matches(const std::string& key, const std::vector<std::regex>& patterns) {
  // The library matches by recursion; no sysctl has a longer key.
  if (key.size() > NAME_MAX) return false;
  for (const std::regex& pattern : patterns)
    if (std::regex_search(key, pattern)) return true;
  return false;
}

[[noreturn]] void refuse(const std::string& key, const std::vector<std::string>& lines,
                         const std::string& path) {
  constexpr std::size_t kLongestKey = 60;
  constexpr std::size_t kLongestList = 60;
  std::string listed;
  for (const std::string& line : lines) listed += (listed.empty() ? "" : " ") + line;
  const bool is_long = listed.size() > kLongestList;
  throw cni::Error(cni::Code::invalid_config,
                   "Sysctl " + key.substr(0, kLongestKey) +
                       " is not allowed. Only the following sysctls are allowed: [" +
                       listed.substr(0, kLongestList) + (is_long ? "...]" : "]"),
                   path + " lists regular expressions: " + listed);
}

}  // namespace

void require_allowed(std::span<const Sysctl> sysctls, const std::string& path) {
  if (sysctls.empty()) return;
  const auto text = base::find_file(path, base::kMostInSmallFile);
  if (!text) return;
  const std::vector<std::string> lines = lines_of(*text);
  const std::vector<std::regex> patterns = compile(lines, path);
  for (const Sysctl& sysctl : sysctls) {
    if (matches(sysctl.key, patterns)) continue;
    refuse(sysctl.key, lines, path);
  }
}

}  // namespace tuning
