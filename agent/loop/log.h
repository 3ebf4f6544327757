// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "agent/config/config.h"

namespace agent {

/// Writes one line to stderr, `warning: ...`; lines below set_log_level() are dropped. Callers log
/// changes only: repeated lines would hide them.
void log(LogLevel level, const std::string& line);
void set_log_level(LogLevel level);

/// Conditions that hold for a while, each logged when it begins, when its text changes and when it
/// ends.
class Conditions {
 public:
  /// `text` empty: the condition has ended.
  void set(const std::string& what, const std::string& text, LogLevel level = LogLevel::error);
  const std::map<std::string, std::string>& all() const { return texts_; }

 private:
  std::map<std::string, std::string> texts_;
};

}  // namespace agent
