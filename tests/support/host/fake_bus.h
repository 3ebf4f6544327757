// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "libcni/base/unique_fd.h"
#include "tests/support/host/bus_answers.h"
#include "tests/support/temp_dir.h"

namespace firewall_plugin {

/// A message bus with a firewalld that accepts every call, except for what a test sets.
class FakeBus {
 public:
  FakeBus() : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const std::string path = folder_ / "bus";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::listen(listener_.get(), 8);
    ::setenv("DBUS_SYSTEM_BUS_ADDRESS", ("unix:path=" + path).c_str(), 1);
    server_ = std::thread([this] { serve(); });
  }
  ~FakeBus() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    server_.join();
    ::unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
  }
  FakeBus(const FakeBus&) = delete;
  FakeBus& operator=(const FakeBus&) = delete;

  std::string login = "OK 1234";
  bool has_firewalld = true;
  std::map<std::string, std::string> refusals = {};  ///< texts of errors, by the call's name

 private:
  void serve() {
    std::vector<std::thread> connections;  // the plugin has two at a time
    for (;;) {
      base::UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) break;
      connections.emplace_back([this, client = std::move(client)] { serve(client); });
    }
    for (std::thread& each : connections) each.join();
  }
  void serve(const base::UniqueFd& client) const {
    Bytes input;
    Bytes chunk(4096);
    bool logged_in = false;
    for (ssize_t n; (n = ::recv(client.get(), chunk.data(), chunk.size(), 0)) > 0;) {
      input.insert(input.end(), chunk.begin(), chunk.begin() + n);
      if (!logged_in) logged_in = log_in(client, input);
      while (logged_in && answer_next(client, input)) continue;
    }
  }
  bool log_in(const base::UniqueFd& client, Bytes& input) const {
    const std::size_t end = std::string(input.begin(), input.end()).find("BEGIN\r\n");
    if (end == std::string::npos) return false;
    input.erase(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(end) + 7);
    const std::string line = login + "\r\n";
    ::send(client.get(), line.data(), line.size(), MSG_NOSIGNAL);
    return true;
  }
  bool answer_next(const base::UniqueFd& client, Bytes& input) const {
    const auto size = bus_message_size(input);
    if (!size || input.size() < *size) return false;
    const auto end = input.begin() + static_cast<std::ptrdiff_t>(*size);
    std::uint32_t serial = 0;
    std::memcpy(&serial, input.data() + 8, sizeof serial);
    const Bytes message = answer_to(std::string(input.begin(), end), serial);
    input.erase(input.begin(), end);
    ::send(client.get(), message.data(), message.size(), MSG_NOSIGNAL);
    return true;
  }
  Bytes answer_to(const std::string& call, std::uint32_t serial) const {
    Bytes body;
    for (const auto& [name, text] : refusals)
      if (call.find(name) != std::string::npos) {
        append(body, text);
        return answer_of("s", body, "org.example.Refused", serial);
      }
    append(body, has_firewalld ? 1u : 0u);
    if (call.find("NameHasOwner") != std::string::npos) return answer_of("b", body, "", serial);
    if (call.find("getSources") != std::string::npos) return answer_of("as", Bytes(4), "", serial);
    return answer_of("", {}, "", serial);
  }

  test::TempDir folder_;
  base::UniqueFd listener_;
  std::thread server_;
};

}  // namespace firewall_plugin
