// SPDX-License-Identifier: Apache-2.0
#include "agent/source/kubernetes/api.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "agent/loop/log.h"

namespace agent::kubernetes {

HttpRequest Api::request(const std::string& target) {
  if (!loaded_ || loop_.now() - *loaded_ >= timing_.reload) reload();
  return {.url = credentials_.server + target,
          .headers = {"Accept: application/json"},
          .ca = credentials_.ca,
          .certificate = credentials_.certificate,
          .key = credentials_.key,
          .user = credentials_.user,
          .password = credentials_.password,
          .bearer = credentials_.token,
          .proxy = credentials_.proxy,
          .connect_timeout = timing_.connect,
          .dead_after = timing_.dead_after};
}

bool Api::has_others_than(std::uint64_t generation) {
  reload();
  return generation_ != generation;
}

void Api::reload() {
  try {
    Credentials fresh = load_credentials(config_);
    for (const std::string& warning : fresh.warnings)
      if (credentials_.warnings.empty()) log(LogLevel::warning, warning);
    if (!(fresh == credentials_)) ++generation_;
    credentials_ = std::move(fresh);
    loaded_ = loop_.now();
  } catch (const std::exception& error) {
    if (credentials_.server.empty()) throw;
    // The file may be in the middle of a replacement; the earlier credentials may still be valid.
    loaded_ = loop_.now();
    if (std::exchange(unread_, error.what()) != error.what())
      log(LogLevel::warning,
          "cannot read the credentials again, keeping the earlier ones: " + unread_);
  }
}

std::string encode_query(const std::string& text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr std::string_view kUnreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kUnreserved.find(c) != std::string_view::npos)
      encoded += c;
    else
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return encoded;
}

std::chrono::milliseconds pause_after(const HttpResult& result, Backoff& backoff) {
  constexpr std::chrono::seconds kLongestAsked(300);
  return std::max<std::chrono::milliseconds>(backoff.next(),
                                             std::min(result.retry_after, kLongestAsked));
}

}  // namespace agent::kubernetes
