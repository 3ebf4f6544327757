// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace logging {

enum class Level { error, warning, info, debug };
enum class Format { text, json };

struct Settings {
  Level least = Level::info;  ///< lines of less importance are dropped
  Format format = Format::text;
  /// A command for people, such as `cnitool:`: each line begins with this word, has no time and is
  /// written as often as it comes. Empty for a service.
  std::string command = {};
  std::string command_in_errors = {};  ///< the same word as errors have it, such as in colour
};

/// Lines go to stderr, one write(2) each:
///   text     `2026-11-30T12:00:00.000Z warning: etcd: ...`; of a command `cnitool: warning: ...`
///   json     `{"time":"...","level":"warning","component":"etcd","message":"..."}`
///   journal  `<4>` before either (sd-daemon(3)), and no time in text, which the journal has
/// A service that repeats a line within kRepeatWindow writes it once and its number afterwards.
/// Lines of base::log() become warnings. Not for use by several threads at once.
void configure(const Settings& settings);

/// A leading `etcd: ` names the component where it is one of those that log.cpp lists.
void write(Level level, std::string_view line) noexcept;

/// Writes how often lines came whose window has passed; `all`: of every line, as at the end.
void report_repeats(bool all = false) noexcept;

/// Returns whether `fd` is the stream that JOURNAL_STREAM names as `DEVICE:INODE`
/// (systemd.exec(5)). `journal_stream` may be null.
bool is_journal(const char* journal_stream, int fd);

}  // namespace logging
