// SPDX-License-Identifier: Apache-2.0
#include "libcni/log/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <memory>
#include <utility>

#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>

#include "libcni/base/log.h"
#include "libcni/base/utf8.h"
#include "libcni/json/object.h"
#include "libcni/log/repeats.h"

namespace logging {
namespace {

using spdlog::details::log_msg;

constexpr auto kComponents = std::to_array<std::string_view>(
    {"bird", "cache", "etcd", "files", "kernel", "kubernetes", "plan", "publish"});
constexpr std::array kLevels{spdlog::level::err, spdlog::level::warn, spdlog::level::info,
                             spdlog::level::debug};

/// The component at the beginning of a line and the rest; no component: the whole line.
std::pair<std::string_view, std::string_view> split(std::string_view line) {
  const auto end = line.find(": ");
  if (end == line.npos || std::ranges::find(kComponents, line.substr(0, end)) == kComponents.end())
    return {{}, line};
  return {line.substr(0, end), line.substr(end + 2)};
}

std::string_view text_of(const log_msg& message) {
  return {message.payload.data(), message.payload.size()};
}

/// As syslog(3) and sd-daemon(3) number them.
std::string_view priority_of(const log_msg& message) {
  switch (message.level) {
    case spdlog::level::err:
      return "<3>";
    case spdlog::level::warn:
      return "<4>";
    case spdlog::level::debug:
      return "<7>";
    default:
      return "<6>";
  }
}

std::string_view word_of(const log_msg& message) {
  const auto word = spdlog::level::to_string_view(message.level);
  return {word.data(), word.size()};
}

/// UTC with milliseconds.
std::string time_of(const log_msg& message) {
  const auto since_epoch =
      std::chrono::floor<std::chrono::milliseconds>(message.time.time_since_epoch()).count();
  const std::time_t seconds = since_epoch / 1000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text.data() + size, text.size() - size, ".%03dZ",
                static_cast<int>(since_epoch % 1000));
  return text.data();
}

std::string json_of(const log_msg& message) {
  const auto [component, text] = split(text_of(message));
  std::string line = "{\"time\":\"" + time_of(message) + "\",\"level\":\"";
  line.append(word_of(message)).append("\",");
  if (!component.empty()) line.append("\"component\":\"").append(component).append("\",");
  return line + "\"message\":" + json::quote(text) + "}";
}

/// spdlog's pattern_formatter would do this, too, and is 200 kB of resident memory in plumbd.
class Stderr : public spdlog::sinks::sink {
 public:
  explicit Stderr(const Settings& settings)
      : settings_(settings), journal_(is_journal(std::getenv("JOURNAL_STREAM"), STDERR_FILENO)) {}

  void log(const log_msg& message) override {
    std::string line(journal_ ? priority_of(message) : "");
    line += settings_.format == Format::json ? json_of(message)
            : settings_.command.empty()      ? of_service(message)
                                             : of_command(message);
    line += '\n';
    // A failure of stderr itself cannot be reported anywhere.
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  std::string of_service(const log_msg& message) const {
    std::string line = journal_ ? "" : time_of(message) + " ";
    return line.append(word_of(message)).append(": ").append(base::printable(text_of(message)));
  }
  /// Information and the closing error of a command have no level in their line.
  std::string of_command(const log_msg& message) const {
    const bool failed = message.level == spdlog::level::err;
    std::string line = (failed ? settings_.command_in_errors : settings_.command) + " ";
    if (!failed && message.level != spdlog::level::info) line.append(word_of(message)).append(": ");
    return line.append(base::printable(text_of(message), "\n\t"));
  }
  const Settings settings_;
  const bool journal_;
};

/// The log as configure() chose it; until then a service's text.
class Front {
 public:
  explicit Front(const Settings& settings)
      : is_service_(settings.command.empty()), logger_("", std::make_shared<Stderr>(settings)) {
    logger_.set_level(kLevels.at(static_cast<std::size_t>(settings.least)));
  }

  void write(Level level, std::string_view line) {
    if (!logger_.should_log(kLevels.at(static_cast<std::size_t>(level)))) return;
    const auto now = std::chrono::steady_clock::now();
    if (is_service_) report_repeats(now);
    if (!is_service_ || repeats_.admit(level, line, now)) print(level, line);
  }
  void report_repeats(Repeats::Time now) {
    for (const auto& [level, line] : repeats_.take_passed(now)) print(level, line);
  }

 private:
  void print(Level level, std::string_view line) {
    logger_.log(kLevels.at(static_cast<std::size_t>(level)),
                spdlog::string_view_t(line.data(), line.size()));
  }
  const bool is_service_;
  Repeats repeats_;
  spdlog::logger logger_;
};

std::unique_ptr<Front>& front() {
  static std::unique_ptr<Front> front = std::make_unique<Front>(Settings{});
  return front;
}

void write_warning(std::string_view line) noexcept {
  write(Level::warning, line);
}

}  // namespace

void configure(const Settings& settings) {
  report_repeats(true);
  front() = std::make_unique<Front>(settings);
  base::redirect_log(&write_warning);
}

void write(Level level, std::string_view line) noexcept {
  try {
    front()->write(level, line);
  } catch (const std::exception&) {  // out of memory
    base::write_line(line);
  }
}

void report_repeats(bool all) noexcept {
  try {
    front()->report_repeats(all ? Repeats::Time::max() : std::chrono::steady_clock::now());
  } catch (const std::exception&) {  // out of memory: the numbers are lost, the lines are written
    return;
  }
}

bool is_journal(const char* journal_stream, int fd) {
  struct stat status {};
  if (journal_stream == nullptr || ::fstat(fd, &status) != 0) return false;
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == journal_stream;
}

}  // namespace logging
