// SPDX-License-Identifier: Apache-2.0
#include "agent/http/connections.h"

#include <sys/socket.h>

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "libcni/base/unique_fd.h"

namespace agent {
namespace {

using std::chrono::seconds;

// S9
class HttpConnectionsTest : public ::testing::Test {
 protected:
  HttpConnections::Connection& connect(HttpConnections::Time now) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    for (const int fd : ends) sockets_.emplace_back(fd);
    return all_.add(ends[0], now);
  }
  /// The bytes that the client of the `number`-th connection reads: 0 is the end of the stream.
  bool is_ended(std::size_t number) {
    char byte = 0;
    return ::recv(sockets_[2 * number + 1].get(), &byte, 1, MSG_DONTWAIT) == 0;
  }

  HttpConnections all_;
  HttpConnections::Time start_ = Loop::Clock::now();
  std::vector<base::UniqueFd> sockets_;
};

TEST_F(HttpConnectionsTest, EndsTheLongestWaitingConnectionForANewOne) {
  std::vector<HttpConnections::Connection*> connections;
  for (std::size_t i = 0; i < HttpConnections::kMost; ++i) connections.push_back(&connect(start_));
  HttpConnections::answer(*connections[0]);  // is being answered
  all_.wait_again(*connections[1], start_ + seconds(1));
  for (std::size_t i = 0; i < HttpConnections::kMost; ++i) EXPECT_FALSE(is_ended(i)) << i;
  connect(start_ + seconds(2));
  EXPECT_TRUE(is_ended(2));
  EXPECT_FALSE(is_ended(0));
  EXPECT_FALSE(is_ended(1));
  // The server has not closed that one yet: it is not counted.
  all_.forget(*connections[3]);
  connect(start_ + seconds(2));
  EXPECT_FALSE(is_ended(4));
  connect(start_ + seconds(2));
  EXPECT_TRUE(is_ended(4));
}

TEST_F(HttpConnectionsTest, EndsTheOldestConnectionWhenNoneWaits) {
  for (std::size_t i = 0; i < HttpConnections::kMost; ++i) HttpConnections::answer(connect(start_));
  connect(start_);
  EXPECT_TRUE(is_ended(0));
  EXPECT_FALSE(is_ended(1));
}

TEST_F(HttpConnectionsTest, EndsARequestThatIsNotCompleteInTime) {
  EXPECT_EQ(all_.next_deadline(), std::nullopt);
  connect(start_);
  HttpConnections::Connection& answered = connect(start_);
  HttpConnections::answer(answered);
  EXPECT_EQ(all_.next_deadline(), start_ + HttpConnections::kPatience);
  all_.end_late(start_ + HttpConnections::kPatience - seconds(1));
  EXPECT_FALSE(is_ended(0));
  all_.end_late(start_ + HttpConnections::kPatience);
  EXPECT_TRUE(is_ended(0));
  EXPECT_FALSE(is_ended(1));
  EXPECT_EQ(all_.next_deadline(), std::nullopt);
  all_.wait_again(answered, start_ + seconds(60));
  EXPECT_EQ(all_.next_deadline(), start_ + seconds(60) + HttpConnections::kPatience);
}

}  // namespace
}  // namespace agent
