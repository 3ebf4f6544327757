// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "agent/config/config.h"

namespace agent {

/// Writes one line of plumbd's log (libcni/log/log.h has the formats). Callers log changes only:
/// repeated lines would hide them.
void log(LogLevel level, const std::string& line);

/// Conditions that hold for a while, each logged when it begins, when its text changes and when it
/// ends.
class Conditions {
 public:
  /// `text` empty: the condition has ended, and `ended` says so.
  void set(const std::string& what, const std::string& text, LogLevel level = LogLevel::error,
           std::string_view ended = "works again");
  /// The words of the condition; empty when it does not hold.
  std::string text_of(const std::string& what) const;
  const std::map<std::string, std::string>& all() const { return texts_; }

 private:
  std::map<std::string, std::string> texts_;
};

}  // namespace agent
