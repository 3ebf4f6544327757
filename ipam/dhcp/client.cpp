// SPDX-License-Identifier: Apache-2.0
#include "ipam/dhcp/client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <utility>

#include "libcni/base/interrupt.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/unique_fd.h"
#include "libcni/spec/error.h"

namespace ipam_dhcp {
namespace {

// Beyond the 208 s after which a daemon gives up.
constexpr int kAllocateSeconds = 300;
constexpr int kReleaseSeconds = 20;

/// A socket of another user may be a trap: the daemon gets the pod's namespace and decides on its
/// addresses.
void require_trusted(int fd, const std::string& path) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    base::throw_errno("find the owner of " + path);
  if (peer.uid != 0 && peer.uid != ::geteuid())
    throw cni::Error(
        cni::Code::internal,
        "socket " + path + " belongs to user " + std::to_string(peer.uid) + " instead of root",
        "stop that program and start the DHCP daemon");
}

base::UniqueFd connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) base::throw_errno("open a Unix socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return {};
    base::throw_errno("connect to the DHCP daemon on " + path);
  }
  require_trusted(fd.get(), path);
  return fd;
}

/// One connection to the daemon, for one call.
class Connection {
 public:
  Connection(base::UniqueFd fd, const std::string& path) : fd_(std::move(fd)), path_(path) {}

  void send(const std::string& bytes) const {
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t size =
          ::send(fd_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (size >= 0)
        sent += static_cast<std::size_t>(size);
      else if (errno == EINTR)
        base::throw_if_interrupted();
      else
        base::throw_errno("ask the DHCP daemon on " + path_);
    }
  }
  void await_greeting() {
    while (!reader_.greeted()) receive();
  }
  Reply await_reply() {
    for (;;) {
      if (auto reply = reader_.find_reply()) return *reply;
      receive();
    }
  }

 private:
  void receive() {
    std::array<char, 16384> buffer;
    const ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (size > 0) return reader_.feed({buffer.data(), static_cast<std::size_t>(size)});
    if (size < 0 && errno == EINTR) return base::throw_if_interrupted();
    if (size < 0) base::throw_errno("read the answer of the DHCP daemon on " + path_);
    throw cni::Error(cni::Code::internal, "the DHCP daemon on " + path_ + " ended the connection",
                     "see the log of cni-dhcp.service");
  }
  base::UniqueFd fd_;
  std::string path_;
  RpcReader reader_;
};

}  // namespace

std::optional<cni::Result> ask_daemon(const std::string& socket, const Call& call) {
  base::UniqueFd fd = connect_to(socket);
  if (!fd) return std::nullopt;
  const timeval limit{.tv_sec = call.method == kAllocate ? kAllocateSeconds : kReleaseSeconds,
                      .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  Connection connection(std::move(fd), socket);
  connection.send(encode_connect());
  connection.await_greeting();
  connection.send(encode(call));
  const Reply reply = connection.await_reply();
  if (!reply.error.empty())
    throw cni::Error(cni::Code::internal, "error calling " + call.method + ": " + reply.error);
  return reply.result;
}

bool has_daemon(const std::string& socket) {
  return static_cast<bool>(connect_to(socket));
}

}  // namespace ipam_dhcp
