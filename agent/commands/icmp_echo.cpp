// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/icmp_echo.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "libcni/base/sys_error.h"

namespace agent {
namespace {

constexpr int kHeaderV4 = 20;
constexpr int kHeaderV6 = 40;
constexpr int kEchoHeader = 8;

/// RFC 1071.
std::uint16_t checksum_of(const std::vector<unsigned char>& packet) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < packet.size(); ++i)
    sum += static_cast<std::uint32_t>(packet[i]) << (i % 2 == 0 ? 8 : 0);
  while ((sum >> 16) != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

void put16(std::vector<unsigned char>& packet, std::size_t at, std::uint16_t value) {
  packet[at] = static_cast<unsigned char>(value >> 8);
  packet[at + 1] = static_cast<unsigned char>(value & 0xff);
}

void connect_to(int fd, const base::IpAddress& target) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_in);
  storage.ss_family = static_cast<sa_family_t>(target.family());
  if (target.is_v4()) {
    auto* address = reinterpret_cast<sockaddr_in*>(&storage);
    std::ranges::copy(target.bytes(), reinterpret_cast<unsigned char*>(&address->sin_addr));
  } else {
    auto* address = reinterpret_cast<sockaddr_in6*>(&storage);
    std::ranges::copy(target.bytes(), reinterpret_cast<unsigned char*>(&address->sin6_addr));
    length = sizeof(sockaddr_in6);
  }
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&storage), length) != 0)
    base::throw_errno("find a route to " + target.text());
}

}  // namespace

Echo::Echo(const base::IpAddress& target)
    : target_(target),
      socket_(::socket(
          target.family(), SOCK_RAW | SOCK_CLOEXEC,
          target.is_v4() ? static_cast<int>(IPPROTO_ICMP) : static_cast<int>(IPPROTO_ICMPV6))),
      identifier_(static_cast<unsigned short>(::getpid())) {
  if (!socket_) base::throw_errno("open ICMP socket");
  const int never =
      target.is_v4() ? static_cast<int>(IP_PMTUDISC_DO) : static_cast<int>(IPV6_PMTUDISC_DO);
  const int set =
      target.is_v4()
          ? ::setsockopt(socket_.get(), IPPROTO_IP, IP_MTU_DISCOVER, &never, sizeof never)
          : ::setsockopt(socket_.get(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, &never, sizeof never);
  if (set != 0) base::throw_errno("forbid fragmentation");
  connect_to(socket_.get(), target);
}

bool Echo::is_answer(int length, const unsigned char* packet) const {
  // A raw IPv4 socket returns the IP header, an IPv6 one does not.
  const int skip = target_.is_v4() ? (packet[0] & 0x0f) * 4 : 0;
  if (length < skip + kEchoHeader) return false;
  const unsigned char* echo = packet + skip;
  const int wanted = target_.is_v4() ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
  return echo[0] == wanted && (echo[4] << 8 | echo[5]) == identifier_ &&
         (echo[6] << 8 | echo[7]) == sequence_;
}

std::optional<std::chrono::microseconds> Echo::ask(int size, std::chrono::milliseconds patience) {
  using Clock = std::chrono::steady_clock;
  const int header = target_.is_v4() ? kHeaderV4 : kHeaderV6;
  std::vector<unsigned char> packet(static_cast<std::size_t>(std::max(size - header, kEchoHeader)));
  packet[0] = target_.is_v4() ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
  put16(packet, 4, identifier_);
  put16(packet, 6, ++sequence_);
  // The kernel fills in the checksum of ICMPv6, which covers addresses that it chooses.
  if (target_.is_v4()) put16(packet, 2, checksum_of(packet));
  const auto begin = Clock::now();
  if (::send(socket_.get(), packet.data(), packet.size(), 0) < 0)
    base::throw_errno("send " + std::to_string(size) + " bytes to " + target_.text());
  std::array<unsigned char, 65536> answer;
  for (;;) {
    const auto passed = Clock::now() - begin;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(patience - passed);
    pollfd poller{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || ::poll(&poller, 1, static_cast<int>(left.count())) <= 0)
      return std::nullopt;
    const ssize_t length = ::recv(socket_.get(), answer.data(), answer.size(), 0);
    if (length < 0 && errno != EINTR) base::throw_errno("receive from " + target_.text());
    if (length > 0 && is_answer(static_cast<int>(length), answer.data()))
      return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
  }
}

}  // namespace agent
