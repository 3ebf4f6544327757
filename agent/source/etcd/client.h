// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config.h"
#include "agent/http/client.h"
#include "agent/loop/loop.h"

namespace agent::etcd {

/// The result of a call.
struct Answer {
  std::string body = {};   ///< when etcd answered
  std::string error = {};  ///< one line for people; empty on success
  bool refused = false;    ///< etcd answered and refused the call
};

/// Calls to one member of an etcd cluster at a time, through its JSON gateway; after a failure to
/// reach it, the next configured member is used. With a user name, fetches a token when there is
/// none, and repeats a call once when etcd rejects the token.
class Client {
 public:
  using Id = std::uint64_t;  ///< 0 is none
  using OnAnswer = std::function<void(const Answer&)>;
  using OnLine = std::function<void(std::string_view)>;

  /// `on_unreachable` is called when a call, not a stream, got no answer from the member.
  Client(const EtcdConfig& config, Loop& loop, std::function<void()> on_unreachable);
  ~Client() { loop_.cancel(failure_timer_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Posts `body` to `path`. `on_answer` is called once, from the loop.
  Id call(std::string path, std::string body, OnAnswer on_answer);
  /// The same for an answer without end: `on_line` gets each complete line; an incomplete last line
  /// is dropped. An exception of `on_line` ends the stream and becomes its error.
  Id stream(std::string path, std::string body, OnLine on_line, OnAnswer on_end);
  void cancel(Id id);  ///< does nothing for an unknown or past call

  /// Switches to the next member, for a caller that finds this one unusable.
  void next_endpoint();
  /// Fetches a new token before the next call.
  void forget_token();
  const std::string& endpoint() const { return endpoints_[current_]; }
  std::uint64_t received_bytes() const { return received_bytes_; }
  Loop::Clock::time_point last_received() const { return last_received_; }

 private:
  struct Call {
    std::string path, body;
    OnLine on_line;
    OnAnswer on_answer;
    std::string received = {};
    std::string token = {};
    HttpClient::Id http = 0;
    std::size_t endpoint = 0;
    bool repeated = false;
  };
  Id add(Call call);
  void send(Id id);
  HttpRequest request_of(const Call& call) const;
  void received(Id id, std::string_view piece);
  void deliver_lines(Id id);
  void done(Id id, const HttpResult& result);
  void finish(Id id, Answer answer);
  void authenticate();
  void authenticated(const Answer& answer);

  const EtcdConfig config_;
  Loop& loop_;
  std::function<void()> on_unreachable_;
  std::vector<std::string> endpoints_;
  std::size_t current_ = 0;
  std::string token_;
  bool authenticating_ = false;
  Loop::TimerId failure_timer_ = 0;
  std::map<Id, Call> calls_;
  Id next_ = 1;
  std::uint64_t received_bytes_ = 0;
  Loop::Clock::time_point last_received_ = {};
  HttpClient http_;
};

}  // namespace agent::etcd
