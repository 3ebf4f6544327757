// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/http/connections.h"
#include "agent/loop/loop.h"
#include "libcni/base/unique_fd.h"

namespace agent {

struct HttpReply {
  unsigned status = 200;
  std::string body = {};
  std::string type = "text/plain; charset=utf-8";
};

/// A request: the path, and the values of `?address=` in order.
struct HttpQuestion {
  std::string method;
  std::string path;
  std::vector<std::string> addresses = {};
};

/// Answers HTTP/1.1 on the loop, by libmicrohttpd without threads. An exception that the answer
/// throws becomes status 500.
class HttpServer {
 public:
  using Answer = std::function<HttpReply(const HttpQuestion&)>;

  /// `listener` is a bound, listening socket. Throws std::system_error.
  HttpServer(Loop& loop, base::UniqueFd listener, Answer answer);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

 private:
  struct Callbacks;
  struct Stop {
    void operator()(void* daemon) const;
  };
  void run();
  void set_timer();

  Loop& loop_;
  Answer answer_;
  HttpConnections connections_;
  std::unique_ptr<void, Stop> daemon_;
  int epoll_ = -1;
  Loop::TimerId timer_ = 0;
};

/// Listens on `127.0.0.1:9474`, `[::1]:9474`. Throws cni::Error for other text, std::system_error
/// when the port is taken.
base::UniqueFd listen_tcp(const std::string& where);
/// Listens on a socket of mode 0600, or 0660 for `group_too`; replaces a socket without a listener.
base::UniqueFd listen_unix(const std::string& path, bool group_too = false);

}  // namespace agent
