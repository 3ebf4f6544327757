// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <optional>

#include "agent/loop/loop.h"

namespace agent {

/// The open connections of an HTTP server. Slow clients cannot use up all
/// connections: a request has to be complete in time, and a new connection ends the oldest one when
/// there are too many.
class HttpConnections {
 public:
  using Time = Loop::Clock::time_point;
  static constexpr std::size_t kMost = 32;
  static constexpr std::chrono::seconds kPatience{10};  ///< for a complete request

  struct Connection {
    int fd;
    Time since;           ///< when it began to wait for a request
    bool waiting = true;  ///< for a request, or for the rest of one
    bool ended = false;   ///< shut down; its server closes it
  };

  /// Adds a connection. When there are more than kMost, ends the one that waits longest, or the
  /// oldest when none waits. The result stays valid until forget().
  Connection& add(int fd, Time now);
  void forget(const Connection& connection);
  /// Call when the request is complete.
  static void answer(Connection& connection) { connection.waiting = false; }
  /// Call when the answer is sent and the next request may come.
  void wait_again(const Connection& connection, Time now);
  /// Ends connections that have waited longer than kPatience for a complete request.
  void end_late(Time now);
  /// The next time that end_late() has something to do.
  std::optional<Time> next_deadline() const;

 private:
  void make_room();
  std::list<Connection> connections_;  ///< in the order of `since`
};

}  // namespace agent
