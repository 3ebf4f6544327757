// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "agent/drivers/bird/config_file.h"
#include "agent/drivers/bird/configuration.h"
#include "agent/drivers/bird/control.h"
#include "agent/drivers/bird/peers.h"
#include "agent/loop/loop.h"

namespace agent::bird {

/// One attempt to give BIRD a configuration, as a conversation: each state has a command for BIRD,
/// and BIRD's reply leads to the next state. It moves the files, and knows neither the socket nor
/// a clock.
class Reconfiguration {
 public:
  enum class State {
    check,    ///< BIRD reads the candidate, and goes on with the old configuration
    count,    ///< the sessions that are up before
    replace,  ///< the candidate is in place: BIRD uses it, and returns unless it is confirmed
    await_sessions,  ///< until more than half of them are up again
    confirm,
    undo,  ///< too few came back, the old file is in place: BIRD is to use it
    ended  ///< outcome() tells how
  };
  enum class Outcome {
    applied,
    refused,    ///< BIRD does not accept it, and goes on with the old one
    undone,     ///< too few sessions came back
    unchecked,  ///< BIRD was lost before it had checked it; nothing has changed
    lost,       ///< BIRD was lost; one that starts reads the file
    failed      ///< by the file system, or BIRD returned by itself
  };
  using Time = Loop::Clock::time_point;

  /// Writes `text`, which is `desired`, as the candidate.
  Reconfiguration(const ConfigFile& file, Configuration desired, std::string text);

  State state() const { return state_; }
  const std::string& text() const { return text_; }
  /// The question to BIRD in this state, to be sent pause() from now. Not in State::ended.
  std::string command() const;
  std::chrono::milliseconds pause() const;
  /// Returns whether command() asks for the sessions, and `reply` needs only what parse_protocols()
  /// reads.
  bool asks_for_sessions() const;
  /// Takes the reply to command(), and moves on. A reply without lines: the connection was lost.
  void take(const Reply& reply, Time now);

  Outcome outcome() const { return outcome_; }  ///< in State::ended
  /// Why it was not applied, one line; empty for `unchecked` and `lost`.
  const std::string& error() const { return error_; }
  /// The sessions as of the last reply with sessions.
  const std::vector<PeerStatus>& peers() const { return peers_; }
  /// Neighbours that were up and return only when the other end changes, too.
  const std::vector<base::IpAddress>& changed() const { return changed_; }

 private:
  void checked(const Reply& reply);
  void counted();
  void replaced(const Reply& reply, Time now);
  void awaited(Time now);
  void confirmed(const Reply& reply);
  void note_session(const base::IpAddress& neighbor);
  void restore(std::string why);
  void end(Outcome outcome, std::string error = {});

  const ConfigFile& file_;
  const Configuration desired_;
  const std::string text_;
  State state_ = State::check;
  Outcome outcome_ = Outcome::failed;
  std::string error_;
  std::optional<std::string> previous_;  ///< content of the file before
  std::vector<PeerStatus> peers_;
  std::vector<base::IpAddress> before_;  ///< neighbours that were up and are still wanted
  std::vector<base::IpAddress> changed_;
  Time give_up_ = {};
  bool looked_ = false;  ///< in State::await_sessions
};

/// The session of `desired` with `neighbor`; nullptr when none is wanted.
const Session* find_session(const Configuration& desired, const base::IpAddress& neighbor);

}  // namespace agent::bird
