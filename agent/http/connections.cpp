// SPDX-License-Identifier: Apache-2.0
#include "agent/http/connections.h"

#include <sys/socket.h>

#include <algorithm>

namespace agent {
namespace {

using Connection = HttpConnections::Connection;

bool is_open(const Connection& connection) {
  return !connection.ended;
}

bool is_waiting(const Connection& connection) {
  return is_open(connection) && connection.waiting;
}

/// The server sees the end of the stream and closes the connection itself.
void end(Connection& connection) {
  ::shutdown(connection.fd, SHUT_RDWR);
  connection.ended = true;
}

}  // namespace

Connection& HttpConnections::add(int fd, Time now) {
  make_room();
  return connections_.emplace_back(Connection{.fd = fd, .since = now});
}

void HttpConnections::make_room() {
  if (std::ranges::count_if(connections_, is_open) < static_cast<std::ptrdiff_t>(kMost)) return;
  auto oldest = std::ranges::find_if(connections_, is_waiting);
  if (oldest == connections_.end()) oldest = std::ranges::find_if(connections_, is_open);
  end(*oldest);
}

void HttpConnections::forget(const Connection& connection) {
  connections_.remove_if([&](const Connection& each) { return &each == &connection; });
}

void HttpConnections::wait_again(const Connection& connection, Time now) {
  const auto at = std::ranges::find_if(
      connections_, [&](const Connection& each) { return &each == &connection; });
  at->since = now;
  at->waiting = true;
  connections_.splice(connections_.end(), connections_, at);
}

void HttpConnections::end_late(Time now) {
  for (Connection& connection : connections_)
    if (is_waiting(connection) && connection.since + kPatience <= now) end(connection);
}

std::optional<HttpConnections::Time> HttpConnections::next_deadline() const {
  const auto first = std::ranges::find_if(connections_, is_waiting);
  if (first == connections_.end()) return std::nullopt;
  return first->since + kPatience;
}

}  // namespace agent
