// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "agent/config/config.h"

namespace agent {

/// One line to stderr, `warning: ...`; what is below set_log_level() is dropped. Only changes are
/// worth a line: an agent that repeats itself every 75 seconds is not read.
void log(LogLevel level, const std::string& line);
void set_log_level(LogLevel level);

/// Conditions that hold for a while, each logged when it begins, when its words change and when it
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
