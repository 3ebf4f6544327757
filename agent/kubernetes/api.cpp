// SPDX-License-Identifier: Apache-2.0
#include "agent/kubernetes/api.h"

#include <algorithm>
#include <string_view>

#include "agent/log.h"

namespace agent::kubernetes {

HttpRequest Api::request(const std::string& target) {
  const auto now = Loop::Clock::now();
  if (!loaded_ || now - *loaded_ >= timing_.reload) {
    reload();
    loaded_ = now;
  }
  return {.url = credentials_.server + target,
          .headers = {"Accept: application/json"},
          .ca = credentials_.ca,
          .certificate = credentials_.certificate,
          .key = credentials_.key,
          .user = credentials_.user,
          .password = credentials_.password,
          .bearer = credentials_.token,
          .proxy = credentials_.proxy,
          .dead_after = timing_.dead_after};
}

void Api::reload() {
  try {
    Credentials fresh = load_credentials(config_);
    for (const std::string& warning : fresh.warnings)
      if (credentials_.warnings.empty()) log(LogLevel::warning, warning);
    credentials_ = std::move(fresh);
  } catch (const std::exception& error) {
    if (credentials_.server.empty()) throw;
    // A file that is being replaced; what was read before may still be good.
    log(LogLevel::warning, std::string("credentials are not read again: ") + error.what());
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
