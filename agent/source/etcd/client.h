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
#include "agent/source/etcd/calls.h"

namespace agent::etcd {

/// Calls to one member of an etcd cluster at a time, through its JSON gateway; after a failure to
/// reach it, the next configured member is used. With a user name, fetches a token when there is
/// none, and repeats a call once when etcd rejects the token.
class Client : public Calls {
 public:
  using OnLine = std::function<void(std::string_view)>;

  /// `on_unreachable` is called when a call, not a stream, got no answer from the member.
  Client(const EtcdConfig& config, Loop& loop, std::function<void()> on_unreachable);
  ~Client() override { loop_.cancel(failure_timer_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Id call(std::string path, std::string body, OnResult on_result) override;
  /// A call with an answer without end: `on_line` gets each complete line; an incomplete last line
  /// is dropped. An exception of `on_line` ends the stream and becomes its error.
  Id stream(std::string path, std::string body, OnLine on_line, OnResult on_end);
  void cancel(Id id) override;

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
    OnResult on_result;
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
  void finish(Id id, const CallResult& result);
  void authenticate();
  void authenticated(const CallResult& result);

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
