// SPDX-License-Identifier: Apache-2.0
#include "agent/http/client.h"

#include <sys/epoll.h>

#include <algorithm>
#include <csignal>
#include <new>
#include <system_error>
#include <utility>

#include "agent/http/libcurl.h"
#include "agent/http/transfer.h"

namespace agent {

/// Callbacks of libcurl's multi handle; `self` is the client.
struct HttpClient::Callbacks {
  static int socket(CURL*, curl_socket_t fd, int what, void* self, void*) {
    auto* client = static_cast<HttpClient*>(self);
    if (what == CURL_POLL_REMOVE) {
      client->loop_.forget(fd);
      return 0;
    }
    const Loop::Events events = ((what & CURL_POLL_IN) != 0 ? Loop::Events{EPOLLIN} : 0) |
                                ((what & CURL_POLL_OUT) != 0 ? Loop::Events{EPOLLOUT} : 0);
    try {
      client->loop_.watch(fd, events, [client, fd](Loop::Events ready) {
        client->socket_ready(fd, ((ready & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                                     ((ready & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                                     ((ready & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0));
      });
    } catch (const std::exception&) {
      return -1;  // exceptions must not pass through libcurl; it fails the transfer
    }
    return 0;
  }

  static int timer(CURLM*, long milliseconds, void* self) {
    auto* client = static_cast<HttpClient*>(self);
    client->loop_.cancel(client->curl_timer_);
    client->curl_timer_ = 0;
    if (milliseconds >= 0)
      client->curl_timer_ = client->loop_.after(std::chrono::milliseconds(milliseconds), [client] {
        client->socket_ready(CURL_SOCKET_TIMEOUT, 0);
      });
    return 0;
  }
};

HttpClient::HttpClient(Loop& loop)
    : loop_(loop),
      addresses_(loop, [this] { leave_lost_addresses(); }),
      local_(AddressWatch::local_addresses()) {
  [[maybe_unused]] static const CURLcode global = [] {
    // OpenSSL writes with write(2), and CURLOPT_NOSIGNAL keeps libcurl from guarding each call.
    ::signal(SIGPIPE, SIG_IGN);
    return libcurl().global_init(CURL_GLOBAL_DEFAULT);
  }();
  multi_ = libcurl().multi_init();
  if (multi_ == nullptr) throw std::bad_alloc();
  libcurl().multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Callbacks::socket);
  libcurl().multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  libcurl().multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Callbacks::timer);
  libcurl().multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
}

HttpClient::~HttpClient() {
  for (auto& [id, transfer] : transfers_) {
    transfer->silence();
    libcurl().multi_remove_handle(multi_, transfer->easy());
  }
  transfers_.clear();
  libcurl().multi_cleanup(multi_);
  loop_.cancel(curl_timer_);
  loop_.cancel(flush_timer_);
}

HttpClient::Id HttpClient::start(HttpRequest request, HttpHandlers handlers) {
  const Id id = next_++;
  auto transfer = std::make_unique<Transfer>(id, std::move(request), std::move(handlers));
  if (loop_.now() < fresh_until_) transfer->use_new_connection();
  transfers_.emplace(id, std::move(transfer));
  waiting_.push_back(id);
  schedule_flush();
  return id;
}

void HttpClient::cancel(Id id) {
  const auto found = transfers_.find(id);
  if (found == transfers_.end()) return;
  found->second->silence();
  waiting_.push_back(id);
  schedule_flush();
}

void HttpClient::schedule_flush() {
  if (flush_timer_ == 0)
    flush_timer_ = loop_.after(std::chrono::milliseconds(0), [this] { flush(); });
}

// libcurl refuses to add and remove handles inside its callbacks, where handlers run.
void HttpClient::flush() {
  flush_timer_ = 0;
  for (const Id id : std::exchange(waiting_, {})) {
    const auto found = transfers_.find(id);
    if (found == transfers_.end()) continue;
    Transfer& transfer = *found->second;
    if (!transfer.silent()) {
      libcurl().multi_add_handle(multi_, transfer.easy());
      continue;
    }
    libcurl().multi_remove_handle(multi_, transfer.easy());
    transfers_.erase(found);
  }
}

void HttpClient::socket_ready(int fd, int what) {
  int running = 0;
  libcurl().multi_socket_action(multi_, fd, what, &running);
  finish_transfers();
}

void HttpClient::finish_transfers() {
  int left = 0;
  while (const CURLMsg* message = libcurl().multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* const easy = message->easy_handle;
    const CURLcode code = message->data.result;
    const auto found = transfers_.find(Transfer::id_of(easy));
    const std::unique_ptr<Transfer> transfer = std::move(found->second);
    transfers_.erase(found);
    libcurl().multi_remove_handle(multi_, easy);  // `message` is gone with it
    transfer->done(code);
  }
}

void HttpClient::leave_lost_addresses() {
  // By then keep-alive probes have ended the idle connections in libcurl's pool.
  constexpr std::chrono::seconds kPoolIsDoubtful(60);
  std::vector<std::string> now;
  try {
    now = AddressWatch::local_addresses();
  } catch (const std::system_error&) {
    return;  // addresses that cannot be read do not count as lost
  }
  const auto is_lost = [&](const std::string& address) {
    return std::ranges::find(now, address) == now.end();
  };
  if (std::ranges::any_of(local_, is_lost)) fresh_until_ = loop_.now() + kPoolIsDoubtful;
  local_ = now;
  std::vector<Id> lost;
  for (const auto& [id, transfer] : transfers_)
    if (const std::string from = transfer->local_address(); !from.empty() && is_lost(from))
      lost.push_back(id);
  for (const Id id : lost) {
    const auto found = transfers_.find(id);  // an earlier one's handler may have cancelled it
    if (found == transfers_.end()) continue;
    const std::unique_ptr<Transfer> transfer = std::move(found->second);
    transfers_.erase(found);
    libcurl().multi_remove_handle(multi_, transfer->easy());
    transfer->fail("the connection is lost: this machine no longer has the address " +
                   transfer->local_address());
  }
}

}  // namespace agent
