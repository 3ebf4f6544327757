// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "agent/http_server.h"
#include "libcni/base/ip.h"
#include "libcni/base/sys_error.h"
#include "libcni/json/object.h"
#include "libcni/spec/error.h"

namespace agent {
namespace {

struct Endpoint {
  base::IpAddress address;
  std::uint16_t port = 0;
};

Endpoint parse_endpoint(const std::string& text) {
  const auto colon = text.rfind(':');
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  const auto address = base::IpAddress::parse(host);
  Endpoint endpoint;
  const char* const begin = text.data() + (colon == text.npos ? text.size() : colon + 1);
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(begin, end, endpoint.port);
  if (!address || error != std::errc() || stop != end)
    throw cni::Error(
        cni::Code::invalid_config,
        "key \"listen\" must be ADDRESS:PORT such as 127.0.0.1:9474, not " + json::quote(text));
  endpoint.address = *address;
  return endpoint;
}

base::UniqueFd open_socket(int family) {
  base::UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) base::throw_errno("open socket");
  return fd;
}

template <typename Address>
void bind_and_listen(int fd, const Address& address, const std::string& where) {
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd, SOMAXCONN) != 0)
    base::throw_errno("listen on " + where);
}

bool answers(const sockaddr_un& address) {
  const base::UniqueFd fd = open_socket(AF_UNIX);
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

base::UniqueFd listen_tcp(const std::string& where) {
  const Endpoint endpoint = parse_endpoint(where);
  base::UniqueFd fd = open_socket(endpoint.address.family());
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    std::ranges::copy(bytes, reinterpret_cast<std::uint8_t*>(&address.sin_addr));
    bind_and_listen(fd.get(), address, where);
  } else {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(endpoint.port);
    std::ranges::copy(bytes, reinterpret_cast<std::uint8_t*>(&address.sin6_addr));
    bind_and_listen(fd.get(), address, where);
  }
  return fd;
}

base::UniqueFd listen_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) base::throw_errno("listen on " + path, ENAMETOOLONG);
  path.copy(address.sun_path, path.size());
  if (answers(address)) base::throw_errno("listen on " + path, EADDRINUSE);
  ::unlink(path.c_str());
  base::UniqueFd fd = open_socket(AF_UNIX);
  const mode_t before = ::umask(0177);
  try {
    bind_and_listen(fd.get(), address, path);
  } catch (...) {
    ::umask(before);
    throw;
  }
  ::umask(before);
  return fd;
}

}  // namespace agent
