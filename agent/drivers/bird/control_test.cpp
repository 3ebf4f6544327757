// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/bird/control.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "tests/support/test_loop.h"

namespace agent::bird {
namespace {

using testing::HasSubstr;

// A local socket has what was sent before the next turn.
constexpr std::chrono::milliseconds kAtOnce(0);

/// A double of BIRD's end of the socket, for answers that a healthy BIRD does not give.
class ControlTest : public testing::Test {
 protected:
  ControlTest() : path(dir / "bird.ctl"), control(loop, path, [this] { ++changes; }) {}

  void listen() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    listener = base::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener.get(), 4), 0);
  }
  void greet() {
    listen();
    control.start();
    accept();
    say("0001 BIRD 2.0.12 ready.\n");
  }
  void greet_again() {
    loop.advance(std::chrono::seconds(1));
    ASSERT_TRUE(control.connecting());
    accept();
    say("0001 BIRD 2.0.12 ready.\n");
  }
  void accept() {
    server = base::UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  void say(const std::string& text) {
    ASSERT_EQ(::send(server.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
    loop.turn(kAtOnce);
  }
  std::string receive() {
    char buffer[256];
    const ssize_t size = ::recv(server.get(), buffer, sizeof buffer, 0);
    return size > 0 ? std::string(buffer, static_cast<std::size_t>(size)) : "";
  }

  test::TempDir dir;
  std::string path;
  test::TestLoop loop;
  int changes = 0;
  Control control;
  base::UniqueFd listener, server;
};

TEST_F(ControlTest, IsUpAfterTheGreeting) {
  greet();
  EXPECT_TRUE(control.up());
  EXPECT_EQ(changes, 1);
}

TEST_F(ControlTest, ClosesTheConnectionOnAnEndlessLine) {
  greet();
  const std::string endless(10000, 'x');
  for (int i = 0; i < 100 && control.up(); ++i) say(endless);
  EXPECT_FALSE(control.up());
  EXPECT_THAT(control.problem(), HasSubstr("not a control socket of BIRD"));
}

// S10
TEST_F(ControlTest, ClosesTheConnectionOnAnEndlessAnswer) {
  const std::string line = " 1002-" + std::string(250, 'x') + "\n";
  std::string lines;
  while (lines.size() < 16000) lines += line;
  for (const bool unwanted : {false, true}) {
    unwanted ? greet_again() : greet();
    int failed = 0;
    Control::Wanted none = [](const Reply::Line&) { return false; };
    control.command(
        "show", [&](const Reply& reply) { failed += !reply.ok(); }, unwanted ? none : nullptr);
    EXPECT_EQ(receive(), "show\n");
    std::size_t said = 0;
    for (; control.up() && said < (std::size_t{100} << 20); said += lines.size()) say(lines);
    EXPECT_FALSE(control.up()) << said << " bytes were read";
    EXPECT_EQ(failed, 1);
    EXPECT_THAT(control.problem(), HasSubstr("an answer of more than"));
    // An answer without wanted lines may be longer.
    EXPECT_EQ(said > (std::size_t{20} << 20), unwanted) << said;
  }
}

// S10
TEST_F(ControlTest, ClosesTheConnectionOnLinesWithoutACommand) {
  greet();
  const std::string lines(16000, '\n');
  std::size_t said = 0;
  for (; control.up() && said < (std::size_t{100} << 20); said += lines.size()) say(lines);
  EXPECT_FALSE(control.up()) << said << " bytes were read";
}

TEST_F(ControlTest, ReportsWhyItIsDown) {
  control.start();
  EXPECT_FALSE(control.up());
  EXPECT_THAT(control.problem(), HasSubstr("bird.ctl\": No such file or directory"));
}

TEST_F(ControlTest, AnswersInOrderWhenAnswersComeInPieces) {
  greet();
  std::vector<std::string> answers;
  const auto keep = [&](const Reply& reply) {
    answers.push_back(std::to_string(reply.code()) + " " + std::to_string(reply.lines.size()) +
                      " " + reply.text());
  };
  control.command("first", keep);
  control.command("second", keep);
  EXPECT_EQ(receive(), "first\n") << "the second waits";
  say("0002-Reading\n contin");
  say("ued\n+a message of no command\n0003 Recon");
  say("figured\n");
  EXPECT_EQ(receive(), "second\n");
  say("8002 refused\n");
  EXPECT_THAT(answers, testing::ElementsAre("3 3 Reconfigured", "8002 1 refused"));
}

TEST_F(ControlTest, KeepsTheWantedLinesAndTheLastOne) {
  greet();
  std::vector<std::string> kept;
  control.command(
      "show",
      [&](const Reply& reply) {
        for (const Reply::Line& line : reply.lines)
          kept.push_back(std::to_string(line.code) + " " + line.text);
      },
      [](const Reply::Line& line) { return line.text.ends_with("wanted"); });
  say("1002-first\n second, wanted\n third\n1006-fourth\n fifth, wanted\n0000 \n");
  EXPECT_THAT(kept, testing::ElementsAre("1002 second, wanted", "1006 fifth, wanted", "0 "));
}

TEST_F(ControlTest, FailsCommandsAndReconnectsAfterALostConnection) {
  greet();
  int lost = 0;
  for (int i = 0; i < 2; ++i)
    control.command("show status",
                    [&](const Reply& reply) { lost += reply.lines.empty() && !reply.ok(); });
  EXPECT_EQ(receive(), "show status\n");
  server = base::UniqueFd();
  loop.turn(kAtOnce);
  EXPECT_EQ(lost, 2);
  EXPECT_FALSE(control.up());
  EXPECT_THAT(control.problem(), HasSubstr("BIRD closed the connection"));
  control.command("at once", [&](const Reply& reply) { lost += !reply.ok(); });
  EXPECT_EQ(lost, 3);
  greet_again();
  EXPECT_TRUE(control.up());
}

TEST_F(ControlTest, DropsAnAnswerThatEndsInTheMiddleOfALine) {
  greet();
  std::size_t lines = 99;
  control.command("show status", [&](const Reply& reply) { lines = reply.lines.size(); });
  receive();
  say("1000-BIRD 2.0.12\n 1011-Router I");
  server = base::UniqueFd();
  loop.turn(kAtOnce);
  EXPECT_EQ(lines, 0u);
  greet_again();
  std::string answer;
  control.command("show status", [&](const Reply& reply) { answer = reply.text(); });
  receive();
  say("0013 Daemon is up and running\n");
  EXPECT_EQ(answer, "Daemon is up and running");
}

TEST_F(ControlTest, ReconnectsAfterAMalformedAnswer) {
  greet();
  int failed = 0;
  control.command("configure", [&](const Reply& reply) { failed += !reply.ok(); });
  receive();
  say("00z3 \x01\x02\n");
  EXPECT_EQ(failed, 1);
  EXPECT_FALSE(control.up());
  EXPECT_THAT(control.problem(), HasSubstr("not a control socket of BIRD"));
  greet_again();
  EXPECT_TRUE(control.up());
}

TEST_F(ControlTest, OpensTheConnectionAgainWhenBirdIsSilentForTenSeconds) {
  greet();
  int failed = 0;
  control.command("show status", [&](const Reply& reply) { failed += reply.lines.empty(); });
  loop.advance(std::chrono::milliseconds(9999));
  EXPECT_TRUE(control.up());
  EXPECT_EQ(failed, 0);
  loop.advance(std::chrono::milliseconds(1));
  EXPECT_FALSE(control.up());
  EXPECT_EQ(failed, 1);
  EXPECT_THAT(control.problem(), HasSubstr("no answer within 10 s"));
  greet_again();
  EXPECT_TRUE(control.up());
}

TEST_F(ControlTest, WaitsWithoutALimitWhileItHasNoCommand) {
  greet();
  loop.advance(std::chrono::hours(24));
  EXPECT_TRUE(control.up());
}

TEST_F(ControlTest, RefusesTheSocketOfAnotherProgram) {
  listen();
  control.start();
  accept();
  say("1abc hello\n");
  EXPECT_FALSE(control.up());
  EXPECT_THAT(control.problem(), HasSubstr("not a control socket of BIRD"));
}

}  // namespace
}  // namespace agent::bird
