// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/client.h"

#include <stdexcept>
#include <utility>

#include "agent/source/etcd/codec.h"
#include "agent/source/etcd/credentials.h"
#include "libcni/spec/error.h"

namespace agent::etcd {
namespace {

using std::chrono::seconds;

constexpr seconds kConnectTimeout{5};
constexpr seconds kCallTimeout{10};
// A line holds at most one transaction or the events of a reconnected watch; both are smaller.
constexpr std::size_t kMaxAnswer = std::size_t{32} << 20;

constexpr const char* kAuthenticate = "/v3/auth/authenticate";

}  // namespace

Client::Client(const EtcdConfig& config, Loop& loop, std::function<void()> on_unreachable)
    : config_(config), loop_(loop), on_unreachable_(std::move(on_unreachable)), http_(loop) {
  for (std::string endpoint : config.endpoints) {
    while (endpoint.ends_with('/')) endpoint.pop_back();
    endpoints_.push_back(std::move(endpoint));
  }
}

Client::Id Client::call(std::string path, std::string body, OnResult on_result) {
  return add({.path = std::move(path),
              .body = std::move(body),
              .on_line = {},
              .on_result = std::move(on_result)});
}

Client::Id Client::stream(std::string path, std::string body, OnLine on_line, OnResult on_end) {
  return add({.path = std::move(path),
              .body = std::move(body),
              .on_line = std::move(on_line),
              .on_result = std::move(on_end)});
}

void Client::cancel(Id id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  http_.cancel(found->second.http);
  calls_.erase(found);
}

void Client::next_endpoint() {
  current_ = (current_ + 1) % endpoints_.size();
}

void Client::forget_token() {
  token_.clear();
}

Client::Id Client::add(Call call) {
  const Id id = next_++;
  calls_.emplace(id, std::move(call));
  send(id);
  return id;
}

void Client::send(Id id) {
  Call& call = calls_.at(id);
  if (!config_.username.empty() && token_.empty() && call.path != kAuthenticate) {
    // The call waits, without a request, for authenticated().
    call.http = 0;
    authenticate();
    return;
  }
  call.received.clear();
  call.token = call.path == kAuthenticate ? "" : token_;
  call.endpoint = current_;
  call.http = http_.start(request_of(call),
                          {.on_data = [this, id](std::string_view piece) { received(id, piece); },
                           .on_done = [this, id](const HttpResult& result) { done(id, result); }});
}

HttpRequest Client::request_of(const Call& call) const {
  HttpRequest request{.method = "POST",
                      .url = endpoint() + call.path,
                      .headers = {"Content-Type: application/json"},
                      .body = call.body,
                      .ca = {.file = config_.ca_file},
                      .certificate = {.file = config_.cert_file},
                      .key = {.file = config_.key_file},
                      .connect_timeout = kConnectTimeout,
                      .total_timeout = call.on_line ? seconds(0) : kCallTimeout};
  // No "Bearer", unlike OAuth: the gateway passes the header on as gRPC's token.
  if (!call.token.empty()) request.headers.push_back("Authorization: " + call.token);
  // A member that lost its leader ends the stream, instead of staying silent for ever.
  if (call.on_line) request.headers.emplace_back("Grpc-Metadata-hasleader: true");
  return request;
}

void Client::received(Id id, std::string_view piece) {
  Call& call = calls_.at(id);
  received_bytes_ += piece.size();
  last_received_ = loop_.now();
  if (call.received.size() + piece.size() > kMaxAnswer)
    throw std::length_error("answer of more than 32 MiB");
  call.received += piece;
  if (call.on_line) deliver_lines(id);
}

void Client::deliver_lines(Id id) {
  const std::string text = std::move(calls_.at(id).received);
  calls_.at(id).received.clear();
  std::size_t start = 0;
  for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', start)) {
    const std::string_view line(text.data() + start, end - start);
    start = end + 1;
    if (line.empty()) continue;
    const OnLine on_line = calls_.at(id).on_line;
    on_line(line);
    if (!calls_.contains(id)) return;  // the reader has cancelled the call
  }
  calls_.at(id).received.assign(text, start);
}

void Client::done(Id id, const HttpResult& result) {
  Call& call = calls_.at(id);
  call.http = 0;
  CallResult answer{.body = std::move(call.received), .error = result.error};
  if (result.error.empty() && !result.ok()) {
    const Refusal refusal = parse_refusal(result.status, result.refusal);
    answer.error = endpoints_[call.endpoint] + call.path + ": " + refusal.text;
    answer.code = refusal.code;
    answer.refused = result.status < 500;
  }
  // 5xx: the member has no leader or no time; another one may.
  const bool unreachable = !answer.error.empty() && !answer.refused;
  if (unreachable && call.endpoint == current_) next_endpoint();
  if (answer.refused && wants_new_token(answer.error) && !call.repeated &&
      !config_.username.empty()) {
    call.repeated = true;
    if (call.token == token_) token_.clear();
    send(id);
    return;
  }
  const bool report = unreachable && !call.on_line;
  finish(id, answer);
  if (report) on_unreachable_();
}

void Client::finish(Id id, const CallResult& result) {
  const OnResult on_result = std::move(calls_.at(id).on_result);
  calls_.erase(id);
  on_result(result);
}

void Client::authenticate() {
  if (authenticating_) return;
  authenticating_ = true;
  std::string body;
  try {
    if (const auto why = find_exposure(config_))
      throw cni::Error(cni::Code::invalid_config, "etcd endpoint " + *why);
    body = authenticate_request(config_.username, read_password(config_.password_file));
  } catch (const std::exception& error) {
    // Answered from the loop, like every call: the caller does not have the ID yet.
    failure_timer_ = loop_.after(
        seconds(0), [this, why = std::string(error.what())] { authenticated({.error = why}); });
    return;
  }
  call(kAuthenticate, std::move(body), [this](const CallResult& result) { authenticated(result); });
}

void Client::authenticated(const CallResult& result) {
  authenticating_ = false;
  CallResult failure = result;
  try {
    if (result.error.empty()) token_ = parse_token(result.body);
    if (result.error.empty() && token_.empty()) failure.error = "etcd's answer has no token";
  } catch (const std::exception& error) {
    failure.error = error.what();
  }
  std::vector<Id> waiting;
  for (const auto& [id, call] : calls_)
    if (call.http == 0) waiting.push_back(id);
  for (const Id id : waiting) {
    if (!calls_.contains(id)) continue;
    if (failure.error.empty())
      send(id);
    else
      finish(id, failure);
  }
}

}  // namespace agent::etcd
