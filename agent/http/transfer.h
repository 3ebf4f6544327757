// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "agent/http/client.h"
#include "agent/http/libcurl.h"

namespace agent {

/// One request inside libcurl: its easy handle, and the part of the answer that has come.
struct HttpClient::Transfer {
 public:
  Transfer(Id id, HttpRequest request, HttpHandlers handlers);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* easy() const { return easy_.get(); }
  static Id id_of(CURL* easy);
  /// No handler is called any more.
  void silence() { silent_ = true; }
  bool silent() const { return silent_; }
  /// Calls on_done with the result.
  void done(CURLcode code);
  /// Calls on_done with this reason as the error.
  void fail(const std::string& why);
  /// Makes the request use a new connection. Call before libcurl has the handle.
  void use_new_connection();
  /// The address that the connection comes from; empty while there is none.
  std::string local_address() const;

 private:
  struct Callbacks;
  void set_up_request();
  void set_up_tls();
  void set_up_callbacks();
  std::size_t header(std::string_view line);
  std::size_t data(std::string_view piece);
  std::string text_of(CURLcode code) const;

  struct Freed {
    void operator()(CURL* easy) const { libcurl().easy_cleanup(easy); }
    void operator()(curl_slist* list) const { libcurl().slist_free_all(list); }
  };
  const Id id_;
  const HttpRequest request_;
  const HttpHandlers handlers_;
  std::unique_ptr<curl_slist, Freed> headers_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  std::unique_ptr<CURL, Freed> easy_;
  long status_ = 0;
  std::string refusal_;
  std::string thrown_;  ///< the message of a handler's exception, or the reason given to fail()
  bool silent_ = false;
};

}  // namespace agent
