// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "agent/config/config.h"
#include "agent/http/client.h"
#include "agent/loop/backoff.h"
#include "agent/source/kubernetes/credentials.h"

namespace agent::kubernetes {

/// Waiting times; tests shorten them.
struct Timing {
  std::chrono::milliseconds retry_least = std::chrono::seconds(1);
  std::chrono::milliseconds retry_most = kRetryMost;
  std::chrono::milliseconds retry_known = kRetryKnown;  ///< once the server has answered a request
  std::chrono::milliseconds connect = std::chrono::seconds(5);
  std::chrono::milliseconds dead_after = std::chrono::seconds(15);
  std::chrono::milliseconds reload =
      std::chrono::seconds(60);  ///< of credentials, whose tokens are rotated on disk
  std::chrono::milliseconds renew = std::chrono::seconds(1);  ///< while the token is rejected
  /// The time that this node may be unready before its condition says so.
  std::chrono::milliseconds unready = std::chrono::seconds(10);
};

/// Builds requests to the API server, with credentials that follow their files.
class Api {
 public:
  Api(const KubernetesConfig& config, const Timing& timing, Loop& loop)
      : config_(config), timing_(timing), loop_(loop), client_(loop) {}

  /// `target`: path and query. Reads the credentials when they are missing or older than a minute;
  /// throws what load_credentials() throws when it has none from before.
  HttpRequest request(const std::string& target);
  /// The number of different credentials read so far. Its value at a request() identifies the
  /// credentials of that request.
  std::uint64_t generation() const { return generation_; }
  /// Reads the credentials again after the server has rejected those of `generation`; returns
  /// whether they differ now.
  bool has_others_than(std::uint64_t generation);
  const std::vector<std::string>& warnings() const { return credentials_.warnings; }

  HttpClient& client() { return client_; }
  Loop& loop() { return loop_; }
  const Timing& timing() const { return timing_; }

 private:
  void reload();
  const KubernetesConfig config_;
  const Timing timing_;
  Loop& loop_;
  HttpClient client_;
  Credentials credentials_;
  std::uint64_t generation_ = 0;
  std::string unread_;  ///< the last failure to read them again
  std::optional<Loop::Clock::time_point> loaded_;
};

/// Percent-encodes all but unreserved characters (RFC 3986).
std::string encode_query(const std::string& text);

/// The wait after a request that failed: the time that the server asks for, but at most five
/// minutes, because some proxies ask for a day.
std::chrono::milliseconds pause_after(const HttpResult& result, Backoff& backoff);

}  // namespace agent::kubernetes
