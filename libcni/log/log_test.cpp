// SPDX-License-Identifier: Apache-2.0
#include "libcni/log/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/log.h"

namespace logging {
namespace {

using testing::MatchesRegex;

/// Returns the text that `write_lines` puts on stderr.
std::string stderr_of(const Settings& settings, const std::function<void()>& write_lines) {
  testing::internal::CaptureStderr();
  configure(settings);
  write_lines();
  report_repeats(true);
  return testing::internal::GetCapturedStderr();
}

/// The file behind stderr, as systemd names it.
std::string stream_of(int fd) {
  struct stat status {};
  EXPECT_EQ(0, ::fstat(fd, &status));
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

std::string journal_of(Settings settings, const std::function<void()>& write_lines) {
  testing::internal::CaptureStderr();
  ::setenv("JOURNAL_STREAM", stream_of(STDERR_FILENO).c_str(), 1);
  configure(settings);
  ::unsetenv("JOURNAL_STREAM");
  write_lines();
  return testing::internal::GetCapturedStderr();
}

constexpr const char* kTime =
    "20[0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9]Z";

TEST(Log, WritesTimeLevelAndTextAsTextOfAService) {
  const std::string text = stderr_of({}, [] { write(Level::warning, "etcd: it is away"); });
  EXPECT_THAT(text, MatchesRegex(std::string(kTime) + " warning: etcd: it is away\n"));
}

TEST(Log, WritesObjectsWhenTheFormatIsJson) {
  const std::string text = stderr_of({.format = Format::json}, [] {
    write(Level::error, "kernel: route \"10.0.0.0/8\"\nis refused");
    write(Level::info, "on node: n1");
  });
  EXPECT_THAT(text, MatchesRegex(std::string("[{]\"time\":\"") + kTime +
                                 "\",\"level\":\"error\",\"component\":\"kernel\",\"message\":"
                                 "\"route \\\\\"10.0.0.0/8\\\\\"\\\\nis refused\"[}]\n"
                                 "[{]\"time\":\"" +
                                 kTime + "\",\"level\":\"info\",\"message\":\"on node: n1\"[}]\n"));
}

TEST(Log, WritesNamesOfACommandWithoutTime) {
  const Settings settings{.command = "tool:", .command_in_errors = "TOOL:"};
  EXPECT_EQ("tool: done\ntool: done\ntool: warning: old\nTOOL: broken\n", stderr_of(settings, [] {
              write(Level::info, "done");
              write(Level::info, "done");
              write(Level::warning, "old");
              write(Level::error, "broken");
            }));
}

TEST(Log, EscapesWhatATerminalWouldActOn) {  // S7
  const auto lines = [] { write(Level::info, "x\n2026 error: forged\x1b[2J"); };
  EXPECT_THAT(stderr_of({}, lines), testing::EndsWith(" info: x\\n2026 error: forged\\u001b[2J\n"));
  EXPECT_EQ("tool: x\n2026 error: forged\\u001b[2J\n", stderr_of({.command = "tool:"}, lines));
}

TEST(Log, BeginsWithThePriorityWhenStderrIsTheJournal) {
  const auto four_lines = [] {
    for (const Level level : {Level::error, Level::warning, Level::info, Level::debug})
      write(level, "x");
  };
  EXPECT_EQ("<3>error: x\n<4>warning: x\n<6>info: x\n<7>debug: x\n",
            journal_of({.least = Level::debug}, four_lines));
  EXPECT_THAT(journal_of({.format = Format::json}, [] { write(Level::warning, "x"); }),
              testing::StartsWith("<4>{\"time\":"));
}

TEST(Log, IsTheJournalOnlyForTheStreamThatIsNamed) {
  EXPECT_TRUE(is_journal(stream_of(STDERR_FILENO).c_str(), STDERR_FILENO));
  EXPECT_FALSE(is_journal("0:0", STDERR_FILENO));
  EXPECT_FALSE(is_journal(nullptr, STDERR_FILENO));
  EXPECT_FALSE(is_journal("0:0", -1));
}

TEST(Log, DropsLinesBelowTheLevel) {
  EXPECT_EQ("", stderr_of({.least = Level::error}, [] { write(Level::warning, "x"); }));
}

TEST(Log, CountsRepeatsOfAService) {
  const std::string text = stderr_of({}, [] {
    for (int i = 0; i < 3; ++i) write(Level::info, "again");
  });
  EXPECT_THAT(text, MatchesRegex(std::string(kTime) + " info: again\n" + kTime +
                                 " info: again [(]2 more within 10 s[)]\n"));
}

TEST(Log, HasTheLinesOfTheLayersBelowAsWarnings) {
  EXPECT_THAT(stderr_of({}, [] { base::log("a file is passed over"); }),
              MatchesRegex(std::string(kTime) + " warning: a file is passed over\n"));
  base::redirect_log(&base::write_line);
}

}  // namespace
}  // namespace logging
