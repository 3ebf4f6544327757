// SPDX-License-Identifier: Apache-2.0
#include "agent/loop/log.h"

#include "libcni/log/log.h"

namespace agent {

void log(LogLevel level, const std::string& line) {
  logging::write(level, line);
}

void Conditions::set(const std::string& what, const std::string& text, LogLevel level,
                     std::string_view ended) {
  const auto found = texts_.find(what);
  if (text.empty()) {
    if (found == texts_.end()) return;
    texts_.erase(found);
    log(LogLevel::info, what + ": " + std::string(ended));
    return;
  }
  if (found != texts_.end() && found->second == text) return;
  texts_[what] = text;
  log(level, what + ": " + text);
}

std::string Conditions::text_of(const std::string& what) const {
  const auto found = texts_.find(what);
  return found == texts_.end() ? "" : found->second;
}

}  // namespace agent
