// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <optional>

#include "agent/loop/loop.h"

namespace agent {

/// The open connections of an HTTP server. A client that is slow, or many of them, cannot use up
/// all connections: a question has to be whole in time, and a new connection ends the oldest one
/// when there are too many.
class HttpConnections {
 public:
  using Time = Loop::Clock::time_point;
  static constexpr std::size_t kMost = 32;
  static constexpr std::chrono::seconds kPatience{10};  ///< for a whole question

  struct Connection {
    int fd;
    Time since;           ///< it has begun to wait for a question
    bool waiting = true;  ///< for a question, or for the rest of one
    bool ended = false;   ///< shut down; its server closes it
  };

  /// A new connection. Ends the one that waits longest, or without a waiting one the oldest, when
  /// there are more than kMost. The result stays valid until forget().
  Connection& add(int fd, Time now);
  void forget(const Connection& connection);
  /// The question is whole.
  static void answer(Connection& connection) { connection.waiting = false; }
  /// The answer is sent, and the next question may come.
  void wait_again(const Connection& connection, Time now);
  /// Ends connections whose question has not been whole for kPatience.
  void end_late(Time now);
  /// When end_late() has something to do.
  std::optional<Time> next_deadline() const;

 private:
  void make_room();
  std::list<Connection> connections_;  ///< in the order of `since`
};

}  // namespace agent
