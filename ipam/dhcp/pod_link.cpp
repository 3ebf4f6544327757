// SPDX-License-Identifier: Apache-2.0
#include "ipam/dhcp/pod_link.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "libcni/base/sys_error.h"
#include "libcni/net/address.h"
#include "libcni/net/link.h"
#include "libcni/net/netlink.h"
#include "libcni/net/route.h"

namespace ipam_dhcp {
namespace {

constexpr std::uint16_t kClientPort = 68, kServerPort = 67;
const base::IpAddress kUnspecified = *base::IpAddress::parse("0.0.0.0");
const base::IpAddress kBroadcast = *base::IpAddress::parse("255.255.255.255");

/// Lets UDP to port 68 pass: the daemon is not woken by the pod's other traffic.
void attach_filter(int fd) {
  std::array<sock_filter, 9> code{{
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 5),
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 3, 0),
      BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
      BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kClientPort, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xffff),
  }};
  const sock_fprog program{.len = code.size(), .filter = code.data()};
  if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
    base::throw_errno("attach a filter to a DHCP socket");
}

sockaddr_ll link_address(int index) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETHERTYPE_IP);
  address.sll_ifindex = index;
  address.sll_halen = 6;
  std::fill_n(static_cast<unsigned char*>(address.sll_addr), 6, 0xff);
  return address;
}

/// Without a protocol until the filter is there, so that nothing else gets in.
base::UniqueFd open_packet_socket(int index) {
  base::UniqueFd fd(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) base::throw_errno("open a packet socket");
  attach_filter(fd.get());
  const sockaddr_ll address = link_address(index);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    base::throw_errno("bind a packet socket to a link");
  return fd;
}

sockaddr_in udp_address(const base::IpAddress& address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  std::memcpy(&result.sin_addr, address.bytes().data(), 4);
  return result;
}

base::UniqueFd open_udp_socket(const base::IpAddress& from, const std::string& ifname) {
  base::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) base::throw_errno("open a UDP socket");
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, ifname.c_str(),
               static_cast<socklen_t>(ifname.size()));
  const sockaddr_in address = udp_address(from, kClientPort);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    base::throw_errno("bind a UDP socket to " + from.text() + " port 68");
  return fd;
}

net::Route kernel_route(const cni::Route& route, int index) {
  net::Route result{.dst = route.dst.network(), .oif = index};
  if (route.gateway && !route.gateway->is_unspecified())
    result.gateway = route.gateway;
  else
    result.scope = 253;
  result.priority = static_cast<std::uint32_t>(route.priority);
  return result;
}

}  // namespace

PodLink::PodLink(const std::string& netns, const std::string& ifname)
    : netns_(base::Netns::open(netns)), ifname_(ifname) {
  net::Netlink netlink(netns_);
  const net::Link link = net::get_link(netlink, ifname);
  if (!link.mac || link.mac->is_zero())
    base::throw_errno("use link \"" + ifname + "\", which has no MAC address, for DHCP", ENODEV);
  index_ = link.index;
  mac_ = *link.mac;
  if (!link.up) net::set_up(netlink, index_);
  netns_.run([&] { socket_ = open_packet_socket(index_); });
}

void PodLink::broadcast(const Packet& packet) const {
  const std::string bytes =
      wrap(print_packet(packet), packet.client.value_or(kUnspecified), kBroadcast);
  const sockaddr_ll address = link_address(index_);
  if (::sendto(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    base::throw_errno("send a DHCP message on link \"" + ifname_ + "\"");
}

void PodLink::unicast(const Packet& packet, const base::IpAddress& server) {
  if (!udp_)
    netns_.run([&] { udp_ = open_udp_socket(packet.client.value_or(kUnspecified), ifname_); });
  const std::string bytes = print_packet(packet);
  const sockaddr_in address = udp_address(server, kServerPort);
  if (::sendto(udp_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    base::throw_errno("send a DHCP message to " + server.text());
}

std::optional<Packet> PodLink::receive() const {
  std::array<char, 4096> buffer;
  const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (size < 0) return std::nullopt;  // EAGAIN, or the link is down, which the next send reports
  const auto message = unwrap(std::string_view(buffer.data(), static_cast<std::size_t>(size)));
  if (!message) return std::nullopt;
  auto packet = parse_packet(*message);
  return packet && packet->reply && packet->mac == mac_ ? packet : std::nullopt;
}

void PodLink::set_down() const {
  net::Netlink netlink(netns_);
  net::set_down(netlink, index_);
}

void PodLink::replace(const cni::Result& before, const cni::Result& now) const {
  net::Netlink netlink(netns_);
  for (const cni::IpConfig& ip : before.ips)
    if (ip.address != now.ips.front().address) net::remove_address(netlink, index_, ip.address);
  for (const cni::IpConfig& ip : now.ips) net::ensure_address(netlink, index_, ip.address);
  for (const cni::Route& route : now.routes)
    net::add_route(netlink, kernel_route(route, index_), net::IfPresent::keep);
}

}  // namespace ipam_dhcp
