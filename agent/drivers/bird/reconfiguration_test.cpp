// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/bird/reconfiguration.h"

#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <ostream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/drivers/bird/render.h"
#include "libcni/base/file.h"
#include "tests/support/temp_dir.h"

namespace agent::bird {
namespace {

using State = Reconfiguration::State;
using Outcome = Reconfiguration::Outcome;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const Reply kLost{};
const Reply kOk{{{0, "done"}}};
const Reply kRefusal{{{8002, "line 3: syntax error"}}};
const std::vector<std::string> kNeighbors{"192.0.2.2", "192.0.2.3", "192.0.2.4"};

/// The answer to `show protocols all` while the first `count` neighbours are up.
Reply with_sessions_up(std::size_t count) {
  Reply reply;
  for (std::size_t i = 0; i < kNeighbors.size(); ++i) {
    reply.lines.push_back({1002, "n" + std::to_string(i) + " BGP --- up 2026-11-21 12:00:12"});
    reply.lines.push_back(
        {1006, std::string("  BGP state: ") + (i < count ? "Established" : "Active")});
    reply.lines.push_back({1006, "  Neighbor address: " + kNeighbors[i]});
  }
  reply.lines.push_back({0, ""});
  return reply;
}

Configuration desired_with(std::uint32_t remote_as) {
  Configuration desired{.router_id = 1};
  for (std::size_t i = 0; i < kNeighbors.size(); ++i)
    desired.sessions.push_back({.name = "n" + std::to_string(i),
                                .local = *base::IpAddress::parse("192.0.2.1"),
                                .local_as = 64512,
                                .neighbor = *base::IpAddress::parse(kNeighbors[i]),
                                .remote_as = remote_as,
                                .families = {AF_INET}});
  return desired;
}

/// A node with three sessions, whose BIRD uses the file's configuration.
class BirdReconfiguration : public testing::Test {
 protected:
  BirdReconfiguration() : old_(render(desired_with(64512), {}) + "# old\n") { file_.write(old_); }

  void begin(std::uint32_t remote_as = 64512) {
    const Configuration desired = desired_with(remote_as);
    attempt_.emplace(file_, desired, render(desired, {}));
  }
  void take(const Reply& reply) { attempt_->take(reply, now_); }
  /// Goes to `state`, with three sessions up before.
  void reach(State state) {
    begin();
    const std::vector<std::pair<State, Reply>> way{
        {State::check, kOk}, {State::count, with_sessions_up(3)}, {State::replace, kOk}};
    for (const auto& [each, reply] : way) {
      if (attempt_->state() == state) return;
      ASSERT_EQ(attempt_->state(), each);
      take(reply);
    }
    if (state == State::confirm) take(with_sessions_up(3));
    if (state == State::undo) {
      now_ += seconds(9);
      take(with_sessions_up(1));
    }
    ASSERT_EQ(attempt_->state(), state);
  }
  bool has_candidate() const { return ::access(file_.candidate().c_str(), F_OK) == 0; }

  test::TempDir dir_;
  BgpConfig config_{.bird_config = dir_.path() + "/bird.conf", .bird_group = ""};
  ConfigFile file_{config_};
  std::string old_;
  std::optional<Reconfiguration> attempt_;
  Reconfiguration::Time now_{std::chrono::hours(1)};
};

struct Transition {
  const char* name;
  State from;
  Reply reply;
  State to;
  Outcome outcome;    ///< in State::ended
  const char* error;  ///< how it begins, in State::ended
  bool new_file;      ///< the file has the new configuration then
};
void PrintTo(const Transition& row, std::ostream* out) {
  *out << row.name;
}

const Transition kTransitions[] = {
    {"CheckAccepted", State::check, kOk, State::count, {}, "", false},
    {"CheckRefused", State::check, kRefusal, State::ended, Outcome::refused,
     "BIRD refuses the new configuration, the old one stays: line 3", false},
    {"CheckLost", State::check, kLost, State::ended, Outcome::unchecked, "", false},
    {"Counted", State::count, with_sessions_up(3), State::replace, {}, "", true},
    {"CountLost", State::count, kLost, State::replace, {}, "", true},
    {"ReplaceAccepted", State::replace, kOk, State::await_sessions, {}, "", true},
    {"ReplaceRefused", State::replace, kRefusal, State::ended, Outcome::refused,
     "BIRD refuses the new configuration, the old one stays: line 3", false},
    {"ReplaceLost", State::replace, kLost, State::ended, Outcome::lost, "", true},
    {"AwaitedEnough", State::await_sessions, with_sessions_up(2), State::confirm, {}, "", true},
    {"AwaitedTooFew",
     State::await_sessions,
     with_sessions_up(1),
     State::await_sessions,
     {},
     "",
     true},
    {"AwaitLost", State::await_sessions, kLost, State::ended, Outcome::lost, "", true},
    {"Confirmed", State::confirm, kOk, State::ended, Outcome::applied, "", true},
    {"ConfirmRefused", State::confirm, kRefusal, State::ended, Outcome::failed,
     "BIRD took the new configuration back: line 3", false},
    {"ConfirmLost", State::confirm, kLost, State::ended, Outcome::failed,
     "BIRD took the new configuration back: ", false},
    {"Undone", State::undo, kOk, State::ended, Outcome::undone,
     "only 1 of 3 BGP sessions returned within 9 s", false},
    {"UndoLost", State::undo, kLost, State::ended, Outcome::undone,
     "only 1 of 3 BGP sessions returned within 9 s", false},
};

class BirdTransition : public BirdReconfiguration,
                       public testing::WithParamInterface<Transition> {};

TEST_P(BirdTransition, LeadsToTheStateAndTheFile) {
  const Transition& row = GetParam();
  ASSERT_NO_FATAL_FAILURE(reach(row.from));
  take(row.reply);
  EXPECT_EQ(attempt_->state(), row.to);
  EXPECT_EQ(file_.find(), row.new_file ? attempt_->text() : old_);
  EXPECT_EQ(has_candidate(), row.to == State::count);
  if (row.to != State::ended) return;
  EXPECT_EQ(attempt_->outcome(), row.outcome);
  EXPECT_THAT(attempt_->error(), StartsWith(row.error));
  EXPECT_EQ(attempt_->error().empty(), *row.error == '\0');
}

INSTANTIATE_TEST_SUITE_P(Each, BirdTransition, testing::ValuesIn(kTransitions),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_F(BirdReconfiguration, HasACommandForEachState) {
  const std::vector<std::pair<State, std::string>> commands{
      {State::check, "configure check \"" + config_.bird_config + ".candidate\""},
      {State::count, "show protocols all"},
      {State::replace, "configure \"" + config_.bird_config + "\" timeout 10"},
      {State::await_sessions, "show protocols all"},
      {State::confirm, "configure confirm"},
      {State::undo, "configure undo"}};
  for (const auto& [state, command] : commands) {
    ASSERT_NO_FATAL_FAILURE(reach(state));
    EXPECT_EQ(attempt_->command(), command);
    EXPECT_EQ(attempt_->asks_for_sessions(), command.starts_with("show"));
    EXPECT_EQ(attempt_->pause(), milliseconds(0));
  }
}

TEST_F(BirdReconfiguration, LooksAgainUntilNineSecondsAreOver) {
  ASSERT_NO_FATAL_FAILURE(reach(State::await_sessions));
  for (int i = 0; i < 29; ++i, now_ += milliseconds(300)) {
    take(with_sessions_up(1));
    ASSERT_EQ(attempt_->state(), State::await_sessions) << i;
    EXPECT_EQ(attempt_->pause(), milliseconds(300));
  }
  now_ += milliseconds(300);
  take(with_sessions_up(1));
  EXPECT_EQ(attempt_->state(), State::undo);
  EXPECT_EQ(file_.find(), old_);
}

TEST_F(BirdReconfiguration, IsConfirmedAtOnceWithoutASessionBefore) {
  begin();
  for (const Reply& reply : {kOk, with_sessions_up(0), kOk, with_sessions_up(0)}) take(reply);
  EXPECT_EQ(attempt_->state(), State::confirm);
}

TEST_F(BirdReconfiguration, DoesNotWaitForSessionsWhoseOtherEndHasToChange) {
  begin(64513);
  for (const Reply& reply : {kOk, with_sessions_up(3), kOk, with_sessions_up(0)}) take(reply);
  EXPECT_EQ(attempt_->state(), State::confirm);
  EXPECT_EQ(attempt_->changed().size(), 3u);
}

TEST_F(BirdReconfiguration, RemovesTheFileAgainWhereNoneWasBefore) {
  base::remove_file(config_.bird_config);
  begin();
  for (const Reply& reply : {kOk, with_sessions_up(0), kRefusal}) take(reply);
  EXPECT_EQ(attempt_->outcome(), Outcome::refused);
  EXPECT_EQ(file_.find(), std::nullopt);
}

TEST_F(BirdReconfiguration, FailsWithoutAFolderForTheCandidate) {
  config_.bird_config = dir_.path() + "/absent/bird.conf";
  const ConfigFile file(config_);
  const Reconfiguration attempt(file, {}, "");
  EXPECT_EQ(attempt.state(), State::ended);
  EXPECT_EQ(attempt.outcome(), Outcome::failed);
  EXPECT_THAT(attempt.error(), HasSubstr("absent"));
}

TEST_F(BirdReconfiguration, FailsWhenTheCandidateCannotBecomeTheConfiguration) {
  begin();
  take(kOk);
  file_.remove_candidate();
  take(with_sessions_up(3));
  EXPECT_EQ(attempt_->outcome(), Outcome::failed);
  EXPECT_THAT(attempt_->error(), HasSubstr("replace \"" + config_.bird_config));
  EXPECT_EQ(file_.find(), old_);
}

}  // namespace
}  // namespace agent::bird
