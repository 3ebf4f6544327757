// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/http/address_watch.h"
#include "agent/loop/loop.h"

namespace agent {

/// A certificate or key: a file that is read for each new connection, or its text. Not both.
struct Pem {
  std::string file = {};
  std::string text = {};
  bool empty() const { return file.empty() && text.empty(); }
  bool operator==(const Pem&) const = default;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;                        ///< http:// or https://
  std::vector<std::string> headers = {};  ///< `Content-Type: application/json`
  std::string body = {};
  Pem ca = {};                           ///< empty: the system's
  Pem certificate = {}, key = {};        ///< of this client
  std::string user = {}, password = {};  ///< HTTP basic
  std::string bearer = {};               ///< token
  /// http://HOST:PORT, https:// or socks5://; empty: as the environment says (https_proxy)
  std::string proxy = {};
  std::string unix_socket = {};  ///< connect there; the host of `url` is only a name then
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(10);
  std::chrono::milliseconds total_timeout = std::chrono::seconds(30);  ///< 0: none, for a stream
  /// A peer that acknowledges neither data nor keep-alive probes for this long is gone
  /// (TCP_USER_TIMEOUT). A property of the connection: requests that share one should agree.
  std::chrono::milliseconds dead_after = std::chrono::seconds(30);
};

/// How a request ended.
struct HttpResult {
  long status = 0;         ///< of the answer; 0 when none came
  std::string error = {};  ///< names method and URL; empty when the answer came completely
  std::chrono::seconds retry_after = {};  ///< from Retry-After, 0 without
  std::string refusal = {};               ///< first 4 KiB of the body when status is not 2xx
  bool ok() const { return error.empty() && status >= 200 && status < 300; }
};

/// Called from the loop, on_done last and once, and none of them after cancel(). Each may start
/// and cancel requests, but not destroy the client.
struct HttpHandlers {
  /// Gets the body of a 2xx answer as it comes, in pieces of any size. An exception that it throws
  /// ends the request and becomes HttpResult::error.
  std::function<void(std::string_view)> on_data = {};
  std::function<void(const HttpResult&)> on_done;
  std::function<void(long status)> on_status = {};  ///< the header of the answer is complete
};

/// HTTP/1.1 requests on the loop, by libcurl's multi interface. Idle connections are used again.
/// Redirects are not followed. A connection from an address that this machine loses ends at once,
/// and its requests with it: TCP itself would retransmit without end. SIGPIPE is ignored for the
/// process from the first client on.
class HttpClient {
 public:
  using Id = std::uint64_t;  ///< 0 is none

  /// Throws as libcurl() and AddressWatch do.
  explicit HttpClient(Loop& loop);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  /// Throws std::bad_alloc only: a mistake in the request ends it and is HttpResult::error.
  Id start(HttpRequest request, HttpHandlers handlers);
  void cancel(Id id);  ///< does nothing for an unknown or past request

 private:
  struct Transfer;
  struct Callbacks;
  void flush();
  void schedule_flush();
  void socket_ready(int fd, int what);
  void finish_transfers();
  void leave_lost_addresses();

  Loop& loop_;
  void* multi_;
  std::unordered_map<Id, std::unique_ptr<Transfer>> transfers_;
  std::vector<Id>
      waiting_;  ///< to be handed to libcurl, or taken back from it, outside of its calls
  Loop::TimerId flush_timer_ = 0;
  Loop::TimerId curl_timer_ = 0;
  AddressWatch addresses_;
  std::vector<std::string> local_;            ///< this machine's addresses at the last look
  Loop::Clock::time_point fresh_until_ = {};  ///< idle connections may be dead until then
  Id next_ = 1;
};

}  // namespace agent
