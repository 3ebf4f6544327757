// SPDX-License-Identifier: Apache-2.0
#include "agent/http/server.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <sys/epoll.h>

#include <algorithm>
#include <exception>

#include "libcni/base/sys_error.h"

namespace agent {
namespace {

/// HttpConnections ends connections beyond its own bound; MHD closes them a little later.
constexpr unsigned kMostConnections = 2 * HttpConnections::kMost;
/// The timeout for a client that does not read its answer.
constexpr unsigned kIdleSeconds = 10;

MHD_Daemon* daemon_of(void* daemon) {
  return static_cast<MHD_Daemon*>(daemon);
}

MHD_Result add_address(void* addresses, MHD_ValueKind, const char* key, const char* value) {
  if (std::string_view(key) == "address" && value != nullptr)
    static_cast<std::vector<std::string>*>(addresses)->emplace_back(value);
  return MHD_YES;
}

MHD_Result send(MHD_Connection* connection, const HttpReply& reply) {
  // The buffer is only read: MHD copies it.
  MHD_Response* response = MHD_create_response_from_buffer(
      reply.body.size(), const_cast<char*>(reply.body.data()), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply.type.c_str());
  const MHD_Result result = MHD_queue_response(connection, reply.status, response);
  MHD_destroy_response(response);
  return result;
}

HttpConnections::Connection* entry_of(MHD_Connection* connection) {
  return static_cast<HttpConnections::Connection*>(
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context);
}

unsigned count_connections(void* daemon) {
  return MHD_get_daemon_info(daemon_of(daemon), MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
      ->num_connections;
}

}  // namespace

struct HttpServer::Callbacks {
  static MHD_Result handle(void* server, MHD_Connection* connection, const char* url,
                           const char* method, const char* /*version*/, const char* /*upload*/,
                           std::size_t* upload_size, void** state) {
    // Called first with the header alone, then for pieces of a body, which are ignored.
    if (*state == nullptr) {
      *state = server;
      return MHD_YES;
    }
    if (*upload_size > 0) {
      *upload_size = 0;
      return MHD_YES;
    }
    HttpConnections::answer(*entry_of(connection));
    HttpQuestion question{.method = method, .path = url};
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_address, &question.addresses);
    try {
      return send(connection, static_cast<HttpServer*>(server)->answer_(question));
    } catch (const std::exception& error) {
      return send(connection, {.status = MHD_HTTP_INTERNAL_SERVER_ERROR,
                               .body = std::string(error.what()) + "\n"});
    }
  }

  static void note(void* server, MHD_Connection* connection, void** entry,
                   MHD_ConnectionNotificationCode what) {
    HttpConnections& all = static_cast<HttpServer*>(server)->connections_;
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
      *entry = &all.add(
          MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
          Loop::Clock::now());
    else
      all.forget(*static_cast<HttpConnections::Connection*>(*entry));
  }

  static void finish(void* server, MHD_Connection* connection, void** /*state*/,
                     MHD_RequestTerminationCode /*how*/) {
    static_cast<HttpServer*>(server)->connections_.wait_again(*entry_of(connection),
                                                              Loop::Clock::now());
  }
};

void HttpServer::Stop::operator()(void* daemon) const {
  MHD_stop_daemon(daemon_of(daemon));
}

HttpServer::HttpServer(Loop& loop, base::UniqueFd listener, Answer answer)
    : loop_(loop), answer_(std::move(answer)) {
  // The daemon closes its socket itself.
  const int own = ::fcntl(listener.get(), F_DUPFD_CLOEXEC, 0);
  if (own < 0) base::throw_errno("start HTTP server");
  daemon_.reset(MHD_start_daemon(
      MHD_USE_EPOLL, 0, nullptr, nullptr, Callbacks::handle, this, MHD_OPTION_LISTEN_SOCKET, own,
      MHD_OPTION_CONNECTION_LIMIT, kMostConnections, MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds,
      MHD_OPTION_NOTIFY_CONNECTION, Callbacks::note, this, MHD_OPTION_NOTIFY_COMPLETED,
      Callbacks::finish, this, MHD_OPTION_END));
  if (!daemon_) base::throw_errno("start HTTP server");
  const MHD_DaemonInfo* info =
      MHD_get_daemon_info(daemon_of(daemon_.get()), MHD_DAEMON_INFO_EPOLL_FD);
  epoll_ = info->epoll_fd;
  loop_.watch(epoll_, EPOLLIN, [this](Loop::Events) { run(); });
}

HttpServer::~HttpServer() {
  loop_.cancel(timer_);
  loop_.forget(epoll_);
}

void HttpServer::run() {
  // With too many connections MHD 0.9.75 stops listening. It begins again in the first run after
  // some have ended, but neither an event nor a timeout causes that run.
  connections_.end_late(Loop::Clock::now());
  unsigned before = 0, left = 0;
  do {
    before = count_connections(daemon_.get());
    MHD_run(daemon_of(daemon_.get()));
    left = count_connections(daemon_.get());
  } while (left < before);
  set_timer();
}

void HttpServer::set_timer() {
  loop_.cancel(timer_);
  timer_ = 0;
  std::optional<std::chrono::milliseconds> wait;
  if (const auto deadline = connections_.next_deadline())
    wait = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Loop::Clock::now());
  MHD_UNSIGNED_LONG_LONG of_mhd = 0;
  if (MHD_get_timeout(daemon_of(daemon_.get()), &of_mhd) == MHD_YES)
    wait = std::min(wait.value_or(std::chrono::milliseconds::max()),
                    std::chrono::milliseconds(of_mhd));
  if (wait) timer_ = loop_.after(std::max(*wait, std::chrono::milliseconds(0)), [this] { run(); });
}

}  // namespace agent
