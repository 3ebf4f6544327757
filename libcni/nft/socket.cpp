// SPDX-License-Identifier: Apache-2.0
#include "libcni/nft/socket.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>

#include "libcni/base/gone.h"
#include "libcni/base/interrupt.h"
#include "libcni/base/sys_error.h"

namespace nft {
namespace {

constexpr int kDumpRounds = 10;
constexpr int kAnswerTries = 3;

/// The kernel reports a negative errno; a number out of range becomes EPROTO.
int errno_of(const nlmsghdr& answer) {
  const int error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(&answer))->error;
  return error <= 0 && error > -4096 ? -error : EPROTO;
}

void for_each_message(const char* buffer, std::size_t size,
                      const NetfilterSocket::OnMessage& visit) {
  int left = static_cast<int>(size);
  const auto* message = reinterpret_cast<const nlmsghdr*>(buffer);
  for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) visit(*message);
}

}  // namespace

NetfilterSocket::NetfilterSocket()
    : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)) {
  if (!fd_) base::throw_errno("open a netfilter netlink socket");
}

std::optional<std::uint64_t> NetfilterSocket::namespace_cookie() const {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) < 0) return std::nullopt;
  return cookie;
}

void NetfilterSocket::send(std::span<const iovec> parts, const std::string& attempted) {
  std::size_t size = 0;
  for (const iovec& part : parts) size += part.iov_len;
  if (size > send_room_) {
    // A batch is one datagram and must fit into the send buffer, whose size counts double.
    const int wanted = static_cast<int>(size * 2);
    if (::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof wanted) < 0)
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
    send_room_ = size;
  }
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  msghdr message{};
  message.msg_name = &kernel;
  message.msg_namelen = sizeof kernel;
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  while (::sendmsg(fd_.get(), &message, 0) < 0) {
    if (errno != EINTR) base::throw_errno(attempted);
    base::throw_if_interrupted();
  }
}

std::size_t NetfilterSocket::receive(int flags, const std::string& attempted) {
  for (;;) {
    const ssize_t got = ::recv(fd_.get(), buffer_, sizeof buffer_, flags);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EAGAIN && (flags & MSG_DONTWAIT) != 0) return 0;
    // There were more refusals than the receive buffer holds; those in the buffer can still be
    // read.
    if (errno == ENOBUFS && (flags & MSG_DONTWAIT) != 0) continue;
    if (errno != EINTR) base::throw_errno(attempted);
    base::throw_if_interrupted();
  }
}

nlmsghdr* NetfilterSocket::start(int type, int family, int flags) {
  nlmsghdr* header = mnl_nlmsg_put_header(request_);
  header->nlmsg_type = static_cast<std::uint16_t>(type);
  header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  // A fresh sequence number, so that the late answer to an abandoned request is not taken for the
  // answer to this one.
  header->nlmsg_seq = ++sequence_;
  auto* of = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  of->nfgen_family = static_cast<std::uint8_t>(family);
  of->version = NFNETLINK_V0;
  return header;
}

int NetfilterSocket::ask(nlmsghdr* header, const std::string& attempted,
                         const OnMessage& on_message) {
  const iovec part{header, header->nlmsg_len};
  send({&part, 1}, attempted);
  const bool dump = (header->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
  bool interrupted = false;
  bool ended = false;
  int errnum = 0;
  while (!ended) {
    for_each_message(buffer_, receive(0, attempted), [&](const nlmsghdr& answer) {
      if (answer.nlmsg_seq != sequence_ || ended) return;
      interrupted |= (answer.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
      ended = !dump || answer.nlmsg_type == NLMSG_ERROR || answer.nlmsg_type == NLMSG_DONE;
      if (answer.nlmsg_type == NLMSG_ERROR) errnum = errno_of(answer);
      if (answer.nlmsg_type >= NLMSG_MIN_TYPE) on_message(answer);
    });
  }
  return errnum == 0 && interrupted ? EINTR : errnum;
}

void NetfilterSocket::dump(const std::function<nlmsghdr*()>& build, const std::string& attempted,
                           const OnMessage& on_message, const std::function<void()>& restart) {
  for (int round = 1;; ++round) {
    const int errnum = ask(build(), attempted, on_message);
    if (errnum == 0 || (errnum == EINTR && round >= kDumpRounds)) return;
    restart();
    if (base::is_gone(errnum, base::Object::rule)) return;
    if (errnum != EINTR) base::throw_errno(attempted, errnum);
  }
}

void NetfilterSocket::send_batch(std::span<const iovec> parts, const std::string& attempted,
                                 const OnMessage& on_message) {
  send(parts, attempted);
  // The kernel has processed the batch when sendmsg returns; its refusals are waiting to be read. A
  // failed read is repeated: the answers stay in the socket, and only they show whether the batch
  // is in force.
  for (int failed = 0;;) {
    std::size_t got = 0;
    try {
      got = receive(MSG_DONTWAIT, attempted);
    } catch (const std::system_error&) {
      if (++failed == kAnswerTries) throw;
      continue;
    }
    if (got == 0) return;
    for_each_message(buffer_, got, on_message);
  }
}

}  // namespace nft
