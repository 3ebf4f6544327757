// SPDX-License-Identifier: Apache-2.0
#include "tests/support/host/packet_world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstring>

#include "libcni/base/ip.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/unique_fd.h"

namespace test {
namespace {

constexpr int kPatienceSeconds = 1;  // packets that arrive need only microseconds

struct Endpoint {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
};

Endpoint endpoint(const base::IpAddress& address, std::uint16_t port) {
  Endpoint made;
  if (address.is_v4()) {
    auto* in = reinterpret_cast<sockaddr_in*>(&made.storage);
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    std::memcpy(&in->sin_addr, address.bytes().data(), 4);
    made.size = sizeof *in;
  } else {
    auto* in = reinterpret_cast<sockaddr_in6*>(&made.storage);
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(port);
    std::memcpy(&in->sin6_addr, address.bytes().data(), 16);
    made.size = sizeof *in;
  }
  return made;
}

std::string text_of(const Endpoint& from) {
  const bool v4 = from.storage.ss_family == AF_INET;
  const auto* bytes = v4 ? reinterpret_cast<const std::uint8_t*>(
                               &reinterpret_cast<const sockaddr_in*>(&from.storage)->sin_addr)
                         : reinterpret_cast<const std::uint8_t*>(
                               &reinterpret_cast<const sockaddr_in6*>(&from.storage)->sin6_addr);
  return base::IpAddress::from_bytes({bytes, v4 ? 4u : 16u})->text();
}

base::UniqueFd open_in(const TestHost::Sandbox* where, int family, int type) {
  int fd = -1;
  const auto open = [&] { fd = ::socket(family, type | SOCK_CLOEXEC, 0); };
  if (where != nullptr)
    where->netns.run(open);
  else
    open();
  if (fd < 0) base::throw_errno("open a socket");
  const timeval patience{kPatienceSeconds, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return base::UniqueFd(fd);
}

base::UniqueFd serve(const TestHost::Sandbox& where, const base::IpAddress& any, int type,
                     std::uint16_t port) {
  base::UniqueFd server = open_in(&where, any.family(), type);
  const int yes = 1;
  ::setsockopt(server.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  Endpoint local = endpoint(any, port);
  if (::bind(server.get(), local.raw(), local.size) < 0) base::throw_errno("bind a server");
  if (type == SOCK_STREAM && ::listen(server.get(), 4) < 0) base::throw_errno("listen");
  return server;
}

base::IpAddress any_like(const base::IpAddress& address) {
  return *base::IpAddress::parse(address.is_v4() ? "0.0.0.0" : "::");
}

}  // namespace

PacketWorld::PacketWorld()
    : pod(host.add_sandbox()), neighbour(host.add_sandbox()), outside(host.add_sandbox()) {
  // The descriptors of the sandboxes have O_CLOEXEC, so `ip` gets them by the path of this process
  // in /proc.
  const auto path = [](const TestHost::Sandbox& sandbox) {
    return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(sandbox.netns.fd());
  };
  // Link-local addresses that are still being probed lose the first packets.
  const std::string no_dad =
      "sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0";
  output_of(no_dad);
  for (const TestHost::Sandbox* each : {&pod, &neighbour, &outside}) output_in(*each, no_dad);
  output_of("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
  output_of(
      "ip link add br0 type bridge && ip link set br0 up && ip addr add 10.22.0.1/24 dev br0 && "
      "ip addr add fd00:22::1/64 dev br0 nodad");
  const auto plug = [&](const TestHost::Sandbox& sandbox, const std::string& name) {
    output_of("ip link add " + name + " type veth peer name eth0 netns " + path(sandbox) +
              " && ip link set " + name + " up");
  };
  plug(pod, "pod1");
  plug(neighbour, "pod2");
  plug(outside, "uplink");
  output_of(
      "ip link set pod1 master br0; ip link set pod2 master br0; bridge link set dev pod1 hairpin "
      "on; bridge link set dev pod2 hairpin on; ip addr add 192.0.2.1/24 dev "
      "uplink; ip addr add 2001:db8::1/64 dev uplink nodad");
  const auto configure = [](const TestHost::Sandbox& sandbox, const std::string& v4,
                            const std::string& v6) {
    output_in(sandbox, "ip link set lo up; ip link set eth0 up; ip addr add " + v4 +
                           "/24 dev eth0; ip addr add " + v6 + "/64 dev eth0 nodad");
  };
  configure(pod, kPod, kPod6);
  configure(neighbour, kNeighbour, kNeighbour6);
  configure(outside, kOutside, kOutside6);
  for (const TestHost::Sandbox* each : {&pod, &neighbour})
    output_in(*each, "ip route add default via 10.22.0.1; ip route add default via fd00:22::1");
}

std::string PacketWorld::tcp(const TestHost::Sandbox& server, std::uint16_t port,
                             const TestHost::Sandbox* client, const Target& target) const {
  const base::IpAddress address = *base::IpAddress::parse(target.address);
  const base::UniqueFd listener = serve(server, any_like(address), SOCK_STREAM, port);
  const base::UniqueFd caller = open_in(client, address.family(), SOCK_STREAM);
  Endpoint remote = endpoint(address, target.port);
  if (::connect(caller.get(), remote.raw(), remote.size) < 0) return "nothing";
  pollfd ready{listener.get(), POLLIN, 0};
  if (::poll(&ready, 1, kPatienceSeconds * 1000) <= 0) return "nothing";
  Endpoint from{.size = sizeof(sockaddr_storage)};
  const base::UniqueFd accepted(::accept(listener.get(), from.raw(), &from.size));
  return accepted ? text_of(from) : "nothing";
}

std::string PacketWorld::udp(const TestHost::Sandbox& server, std::uint16_t port,
                             const TestHost::Sandbox* client, const Target& target) const {
  const base::IpAddress address = *base::IpAddress::parse(target.address);
  const base::UniqueFd receiver = serve(server, any_like(address), SOCK_DGRAM, port);
  const base::UniqueFd sender = open_in(client, address.family(), SOCK_DGRAM);
  Endpoint remote = endpoint(address, target.port);
  ::sendto(sender.get(), "x", 1, 0, remote.raw(), remote.size);
  char byte = 0;
  Endpoint from{.size = sizeof(sockaddr_storage)};
  const ssize_t got = ::recvfrom(receiver.get(), &byte, 1, 0, from.raw(), &from.size);
  return got == 1 ? text_of(from) : "nothing";
}

}  // namespace test
