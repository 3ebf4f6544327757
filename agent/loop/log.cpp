// SPDX-License-Identifier: Apache-2.0
#include "agent/loop/log.h"

#include <array>

#include "libcni/base/log.h"

namespace agent {
namespace {

LogLevel loudest = LogLevel::info;

}  // namespace

void set_log_level(LogLevel level) {
  loudest = level;
}

void log(LogLevel level, const std::string& line) {
  constexpr std::array kPrefixes{"error: ", "warning: ", "info: ", "debug: "};
  if (level <= loudest) base::log(kPrefixes.at(static_cast<std::size_t>(level)) + line);
}

void Conditions::set(const std::string& what, const std::string& text, LogLevel level) {
  const auto found = texts_.find(what);
  if (text.empty()) {
    if (found == texts_.end()) return;
    texts_.erase(found);
    log(LogLevel::info, what + ": works again");
    return;
  }
  if (found != texts_.end() && found->second == text) return;
  texts_[what] = text;
  log(level, what + ": " + text);
}

}  // namespace agent
