// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/events.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <utility>

#include "libcni/base/sys_error.h"
#include "libcni/net/attributes.h"

namespace net {
namespace {

constexpr int kReceiveBuffer = 1 << 20;
constexpr unsigned kGroups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                             RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | RTMGRP_NEIGH |
                             1u << (RTNLGRP_IPV4_NETCONF - 1) | 1u << (RTNLGRP_IPV6_NETCONF - 1);

// Netlink is in host order, a filter loads in network order.
std::uint32_t half(unsigned value) {
  return htons(static_cast<std::uint16_t>(value));
}

constexpr std::uint32_t kType = offsetof(nlmsghdr, nlmsg_type);
constexpr std::uint32_t kFlags = offsetof(nlmsghdr, nlmsg_flags);
constexpr std::uint32_t kPort = offsetof(nlmsghdr, nlmsg_pid);
constexpr std::uint32_t kFamily = NLMSG_HDRLEN + offsetof(ndmsg, ndm_family);
constexpr std::uint32_t kState = NLMSG_HDRLEN + offsetof(ndmsg, ndm_state);

/// Instruction `at`: jumps to `yes` when the loaded value passes `test`, else to `no`.
sock_filter branch(unsigned at, std::uint16_t test, std::uint32_t value,
                   std::pair<unsigned, unsigned> targets) {
  const auto skip = [&](unsigned target) { return static_cast<std::uint8_t>(target - at - 1); };
  return BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | BPF_K | test), value, skip(targets.first),
                  skip(targets.second));
}

void attach_filter(int fd, std::uint32_t own_port) {
  constexpr std::uint16_t kLoadHalf = BPF_LD | BPF_H | BPF_ABS;
  constexpr unsigned kDrop = 18;
  constexpr unsigned kAccept = 19;
  std::array<sock_filter, 20> program{{
      BPF_STMT(kLoadHalf, kType),
      branch(1, BPF_JEQ, half(RTM_NEWLINK), {kAccept, 2}),
      branch(2, BPF_JEQ, half(RTM_DELLINK), {kAccept, 3}),
      branch(3, BPF_JEQ, half(RTM_NEWADDR), {kAccept, 4}),
      branch(4, BPF_JEQ, half(RTM_DELADDR), {kAccept, 5}),
      branch(5, BPF_JEQ, half(RTM_NEWNETCONF), {kAccept, 6}),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kPort),
      branch(7, BPF_JEQ, htonl(own_port), {kDrop, 8}),
      BPF_STMT(kLoadHalf, kType),
      branch(9, BPF_JEQ, half(RTM_DELROUTE), {kAccept, 10}),
      branch(10, BPF_JEQ, half(RTM_DELNEIGH), {kAccept, 11}),
      branch(11, BPF_JEQ, half(RTM_NEWNEIGH), {14, 12}),
      BPF_STMT(kLoadHalf, kFlags),
      branch(13, BPF_JSET, half(NLM_F_REPLACE), {kAccept, kDrop}),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFamily),
      branch(15, BPF_JEQ, AF_BRIDGE, {kDrop, 16}),
      // Drops neighbours that the kernel learns: they change all the time.
      BPF_STMT(kLoadHalf, kState),
      branch(17, BPF_JSET, half(NUD_PERMANENT), {kAccept, kDrop}),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
  }};
  const sock_fprog filter{.len = static_cast<std::uint16_t>(program.size()),
                          .filter = program.data()};
  if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0)
    base::throw_errno("filter rtnetlink events");
}

void read_address(Event& event, const nlmsghdr& message) {
  const auto* header = header_of<ifaddrmsg>(message);
  if (header == nullptr) return;
  event.index = static_cast<int>(header->ifa_index);
  for_each_attribute<ifaddrmsg>(message, [&](const nlattr& a) {
    // On a point-to-point link IFA_ADDRESS is the address of the other end.
    const bool is_own = type_of(a) == IFA_LOCAL || (type_of(a) == IFA_ADDRESS && !event.address);
    if (const auto own = is_own ? base::IpAddress::from_bytes(bytes_of(a)) : std::nullopt)
      event.address = {*own, header->ifa_prefixlen};
  });
}

void read_route(Event& event, const nlmsghdr& message) {
  const auto* header = header_of<rtmsg>(message);
  if (header == nullptr) return;
  event.protocol = header->rtm_protocol;
  if (header->rtm_table != RT_TABLE_MAIN) return;
  event.destination.length = header->rtm_dst_len;
  for_each_attribute<rtmsg>(message, [&](const nlattr& a) {
    if (type_of(a) == RTA_PRIORITY) event.metric = u32_of(a);
    if (type_of(a) == RTA_DST)
      event.destination.address =
          base::IpAddress::from_bytes(bytes_of(a)).value_or(base::IpAddress{});
  });
}

/// Nothing for a setting of a single link, and for another setting.
std::optional<Event> parse_netconf(const nlmsghdr& message) {
  std::optional<std::uint32_t> index, forwarding;
  for_each_attribute<netconfmsg>(message, [&](const nlattr& a) {
    if (type_of(a) == NETCONFA_IFINDEX) index = u32_of(a);
    if (type_of(a) == NETCONFA_FORWARDING) forwarding = u32_of(a);
  });
  if (index != static_cast<std::uint32_t>(NETCONFA_IFINDEX_ALL) || !forwarding) return std::nullopt;
  return Event{.kind = Event::Kind::forwarding, .removed = *forwarding == 0};
}

std::optional<Event> parse(const nlmsghdr& message) {
  const auto type = message.nlmsg_type;
  if (type == RTM_NEWNETCONF) return parse_netconf(message);
  Event event{.removed = type == RTM_DELLINK || type == RTM_DELADDR || type == RTM_DELROUTE ||
                         type == RTM_DELNEIGH};
  if (type == RTM_NEWLINK || type == RTM_DELLINK) {
    event.kind = Event::Kind::link;
    if (const auto* header = header_of<ifinfomsg>(message)) event.index = header->ifi_index;
    for_each_attribute<ifinfomsg>(message, [&](const nlattr& a) {
      if (type_of(a) == IFLA_IFNAME) event.name = text_of(a);
    });
  } else if (type == RTM_NEWADDR || type == RTM_DELADDR) {
    event.kind = Event::Kind::address;
    read_address(event, message);
  } else if (type == RTM_NEWROUTE || type == RTM_DELROUTE) {
    event.kind = Event::Kind::route;
    read_route(event, message);
  } else if (type == RTM_NEWNEIGH || type == RTM_DELNEIGH) {
    event.kind = Event::Kind::neighbor;
    const auto* header = header_of<ndmsg>(message);
    if (header != nullptr) event.index = header->ndm_ifindex;
    const bool fdb = header != nullptr && header->ndm_family == AF_BRIDGE;
    for_each_attribute<ndmsg>(message, [&](const nlattr& a) {
      if (type_of(a) == NDA_PROTOCOL) event.protocol = u8_of(a);
      if (fdb && type_of(a) == NDA_LLADDR && bytes_of(a).size() == 6)
        std::ranges::copy(bytes_of(a), event.fdb.emplace().bytes.begin());
      if (!fdb && type_of(a) == NDA_DST) event.neighbor = base::IpAddress::from_bytes(bytes_of(a));
    });
  } else {
    return std::nullopt;
  }
  return event;
}

}  // namespace

Events::Events(std::uint32_t own_port)
    : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)) {
  if (!fd_) base::throw_errno("open rtnetlink event socket");
  // Attached before bind, so that no unfiltered event gets in. A small buffer only means Kind::lost
  // sooner.
  attach_filter(fd_.get(), own_port);
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = kGroups;
  if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    base::throw_errno("bind rtnetlink event socket");
}

void Events::read(const std::function<void(const Event&)>& on_event) {
  alignas(nlmsghdr) std::array<char, 32768> buffer;
  for (;;) {
    const ssize_t received = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (received < 0 && errno != ENOBUFS) base::throw_errno("read rtnetlink events");
    if (received < 0) {
      on_event({});
      continue;
    }
    int left = static_cast<int>(received);
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(message, left);
         message = mnl_nlmsg_next(message, &left))
      if (const auto event = parse(*message)) on_event(*event);
  }
}

}  // namespace net
