// SPDX-License-Identifier: Apache-2.0
#include "agent/http/transfer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <new>
#include <system_error>
#include <tuple>
#include <utility>

#include "libcni/base/ip.h"

namespace agent {
namespace {

constexpr std::size_t kRefusalSize = 4096;

/// Method and URL without the query, which may be long.
std::string name_of(const HttpRequest& request) {
  return request.method + " " + request.url.substr(0, request.url.find('?'));
}

void set_number(int fd, int level, int name, int value) {
  ::setsockopt(fd, level, name, &value,
               sizeof value);  // fails for a Unix socket, which has no such options
}

}  // namespace

/// Callbacks of libcurl's easy handle; `self` is the transfer.
struct HttpClient::Transfer::Callbacks {
  static std::size_t header(char* text, std::size_t one, std::size_t size, void* self) {
    return static_cast<Transfer*>(self)->header({text, one * size});
  }
  static std::size_t data(char* text, std::size_t one, std::size_t size, void* self) {
    return static_cast<Transfer*>(self)->data({text, one * size});
  }
  static int socket_made(void* self, curl_socket_t fd, curlsocktype) {
    const auto dead_after = static_cast<Transfer*>(self)->request_.dead_after;
    const auto probe = std::max(std::chrono::seconds(1),
                                std::chrono::duration_cast<std::chrono::seconds>(dead_after / 3));
    set_number(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(probe.count()));
    set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(probe.count()));
    // Overrides the number of probes (tcp(7)).
    set_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(dead_after.count()));
    return CURL_SOCKOPT_OK;
  }
};

HttpClient::Transfer::Transfer(Id id, HttpRequest request, HttpHandlers handlers)
    : id_(id),
      request_(std::move(request)),
      handlers_(std::move(handlers)),
      easy_(libcurl().easy_init()) {
  if (!easy_) throw std::bad_alloc();
  libcurl().easy_setopt(easy(), CURLOPT_PRIVATE, this);
  set_up_request();
  set_up_tls();
  set_up_callbacks();
}

HttpClient::Id HttpClient::Transfer::id_of(CURL* easy) {
  Transfer* transfer = nullptr;
  libcurl().easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
  return transfer->id_;
}

void HttpClient::Transfer::set_up_request() {
  const auto add_header = [this](const std::string& line) {
    curl_slist* const list = libcurl().slist_append(headers_.get(), line.c_str());
    if (list == nullptr) throw std::bad_alloc();
    std::ignore = headers_.release();
    headers_.reset(list);
  };
  for (const std::string& line : request_.headers) add_header(line);
  if (!request_.bearer.empty()) add_header("Authorization: Bearer " + request_.bearer);
  add_header("Expect:");  // a body is small, and waiting for 100 Continue costs a second at worst
  libcurl().easy_setopt(easy(), CURLOPT_URL, request_.url.c_str());
  libcurl().easy_setopt(easy(), CURLOPT_PROTOCOLS_STR, "http,https");
  libcurl().easy_setopt(easy(), CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  libcurl().easy_setopt(easy(), CURLOPT_HTTPHEADER, headers_.get());
  libcurl().easy_setopt(easy(), CURLOPT_USERAGENT, "plumbd/" PLUMB_VERSION);
  if (request_.method != "GET") {
    libcurl().easy_setopt(easy(), CURLOPT_POSTFIELDS, request_.body.data());
    libcurl().easy_setopt(easy(), CURLOPT_POSTFIELDSIZE_LARGE,
                          static_cast<curl_off_t>(request_.body.size()));
    libcurl().easy_setopt(easy(), CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
  if (!request_.user.empty()) {
    libcurl().easy_setopt(easy(), CURLOPT_USERNAME, request_.user.c_str());
    libcurl().easy_setopt(easy(), CURLOPT_PASSWORD, request_.password.c_str());
  }
  if (!request_.proxy.empty()) {
    libcurl().easy_setopt(easy(), CURLOPT_PROXY, request_.proxy.c_str());
    libcurl().easy_setopt(easy(), CURLOPT_NOPROXY,
                          "");  // no_proxy applies to the environment's proxy only
  }
  if (!request_.unix_socket.empty())
    libcurl().easy_setopt(easy(), CURLOPT_UNIX_SOCKET_PATH, request_.unix_socket.c_str());
  libcurl().easy_setopt(easy(), CURLOPT_NOSIGNAL, 1L);
  libcurl().easy_setopt(easy(), CURLOPT_CONNECTTIMEOUT_MS,
                        static_cast<long>(request_.connect_timeout.count()));
  libcurl().easy_setopt(easy(), CURLOPT_TIMEOUT_MS,
                        static_cast<long>(request_.total_timeout.count()));
}

void HttpClient::Transfer::set_up_tls() {
  const auto set = [this](const Pem& pem, CURLoption file_option, CURLoption text_option) {
    if (!pem.file.empty()) libcurl().easy_setopt(easy(), file_option, pem.file.c_str());
    if (pem.text.empty()) return;
    curl_blob blob{.data = const_cast<char*>(pem.text.data()),  // read only with NOCOPY
                   .len = pem.text.size(),
                   .flags = CURL_BLOB_NOCOPY};
    libcurl().easy_setopt(easy(), text_option, &blob);
  };
  set(request_.ca, CURLOPT_CAINFO, CURLOPT_CAINFO_BLOB);
  set(request_.certificate, CURLOPT_SSLCERT, CURLOPT_SSLCERT_BLOB);
  set(request_.key, CURLOPT_SSLKEY, CURLOPT_SSLKEY_BLOB);
  if (!request_.ca.empty())
    libcurl().easy_setopt(easy(), CURLOPT_CAPATH, nullptr);  // only this one
  libcurl().easy_setopt(easy(), CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  // A rotated CA counts from the next connection on.
  libcurl().easy_setopt(easy(), CURLOPT_CA_CACHE_TIMEOUT, 0L);
}

void HttpClient::Transfer::set_up_callbacks() {
  libcurl().easy_setopt(easy(), CURLOPT_ERRORBUFFER, error_.data());
  libcurl().easy_setopt(easy(), CURLOPT_HEADERFUNCTION, &Callbacks::header);
  libcurl().easy_setopt(easy(), CURLOPT_HEADERDATA, this);
  libcurl().easy_setopt(easy(), CURLOPT_WRITEFUNCTION, &Callbacks::data);
  libcurl().easy_setopt(easy(), CURLOPT_WRITEDATA, this);
  libcurl().easy_setopt(easy(), CURLOPT_SOCKOPTFUNCTION, &Callbacks::socket_made);
  libcurl().easy_setopt(easy(), CURLOPT_SOCKOPTDATA, this);
}

std::size_t HttpClient::Transfer::header(std::string_view line) {
  if (silent_) return CURL_WRITEFUNC_ERROR;
  if (line != "\r\n" && line != "\n") return line.size();
  libcurl().easy_getinfo(easy(), CURLINFO_RESPONSE_CODE, &status_);
  try {
    if (status_ >= 200 && handlers_.on_status) handlers_.on_status(status_);
  } catch (const std::exception& error) {  // libcurl is C
    thrown_ = error.what();
    return CURL_WRITEFUNC_ERROR;
  }
  return line.size();
}

std::size_t HttpClient::Transfer::data(std::string_view piece) {
  if (silent_) return CURL_WRITEFUNC_ERROR;
  if (status_ < 200 || status_ >= 300) {
    refusal_ += piece.substr(0, kRefusalSize - refusal_.size());
    return piece.size();
  }
  try {
    if (handlers_.on_data) handlers_.on_data(piece);
  } catch (const std::exception& error) {  // libcurl is C
    thrown_ = error.what();
    return CURL_WRITEFUNC_ERROR;
  }
  return silent_ ? CURL_WRITEFUNC_ERROR : piece.size();
}

std::string HttpClient::Transfer::text_of(CURLcode code) const {
  std::string text = error_.front() != '\0' ? error_.data() : libcurl().easy_strerror(code);
  long errnum = 0;  // libcurl's own text hides it: "Couldn't connect to server"
  libcurl().easy_getinfo(easy(), CURLINFO_OS_ERRNO, &errnum);
  if (errnum != 0 && code != CURLE_OPERATION_TIMEDOUT)
    text += ": " + std::generic_category().message(static_cast<int>(errnum));
  return text;
}

void HttpClient::Transfer::done(CURLcode code) {
  if (silent_) return;
  HttpResult result{.status = status_, .refusal = std::move(refusal_)};
  curl_off_t retry_after = 0;
  libcurl().easy_getinfo(easy(), CURLINFO_RETRY_AFTER, &retry_after);
  result.retry_after = std::chrono::seconds(retry_after);
  if (!thrown_.empty())
    result.error = name_of(request_) + ": " + thrown_;
  else if (code != CURLE_OK)
    result.error = name_of(request_) + ": " + text_of(code);
  silent_ = true;
  handlers_.on_done(result);
}

void HttpClient::Transfer::fail(const std::string& why) {
  thrown_ = why;
  done(CURLE_OK);
}

void HttpClient::Transfer::use_new_connection() {
  libcurl().easy_setopt(easy(), CURLOPT_FRESH_CONNECT, 1L);
}

std::string HttpClient::Transfer::local_address() const {
  const char* text = nullptr;
  libcurl().easy_getinfo(easy(), CURLINFO_LOCAL_IP, &text);
  const auto address = base::IpAddress::parse(text == nullptr ? "" : text);
  return address ? address->text() : "";
}

}  // namespace agent
