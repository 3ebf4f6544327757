// SPDX-License-Identifier: Apache-2.0
#include "libcni/spec/args.h"

#include <algorithm>
#include <cctype>

#include "libcni/spec/error.h"

namespace cni {
namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw Error(Code::invalid_environment, "CNI_ARGS: " + why, "expected K=V;K2=V2");
}

bool parse_bool(std::string_view pair, std::string value) {
  std::ranges::transform(value, value.begin(), [](unsigned char c) { return std::tolower(c); });
  if (value == "1" || value == "true") return true;
  if (value == "0" || value == "false") return false;
  refuse("error parsing value of pair \"" + std::string(pair) + "\": must be 1, true, 0 or false");
}

}  // namespace

std::map<std::string, std::string> parse_args(std::string_view args,
                                              std::initializer_list<std::string_view> known) {
  std::map<std::string, std::string> found;
  std::string unknown;
  bool ignore_unknown = false;
  while (!args.empty()) {
    const auto semicolon = args.find(';');
    const auto pair = args.substr(0, semicolon);
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos || pair.find('=', equals + 1) != std::string_view::npos ||
        semicolon == args.size() - 1)
      refuse("invalid pair \"" + std::string(pair) + (semicolon == args.size() - 1 ? ";" : "") +
             "\"");
    const std::string key(pair.substr(0, equals));
    const std::string value(pair.substr(equals + 1));
    if (key == "IgnoreUnknown")
      ignore_unknown = parse_bool(pair, value);
    else if (std::ranges::find(known, key) != known.end())
      found[key] = value;
    else
      unknown += (unknown.empty() ? "\"" : " \"") + std::string(pair) + "\"";
    args.remove_prefix(semicolon == std::string_view::npos ? args.size() : semicolon + 1);
  }
  if (!unknown.empty() && !ignore_unknown) refuse("unknown args [" + unknown + "]");
  return found;
}

}  // namespace cni
