// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "agent/config/endpoint.h"
#include "agent/http/server.h"
#include "libcni/base/sys_error.h"

namespace agent {
namespace {

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

base::UniqueFd listen_unix(const std::string& path, bool group_too) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) base::throw_errno("listen on " + path, ENAMETOOLONG);
  path.copy(address.sun_path, path.size());
  if (answers(address)) base::throw_errno("listen on " + path, EADDRINUSE);
  struct stat present {};
  if (::lstat(path.c_str(), &present) == 0 && !S_ISSOCK(present.st_mode))
    base::throw_errno("listen on " + path + ", which is not a socket", EEXIST);
  ::unlink(path.c_str());
  base::UniqueFd fd = open_socket(AF_UNIX);
  const mode_t before = ::umask(group_too ? 0117 : 0177);
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
