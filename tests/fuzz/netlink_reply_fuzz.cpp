// SPDX-License-Identifier: Apache-2.0
// Replies of the kernel. The calls that receive them are replaced: every request is answered with
// the input, its messages numbered as the request was, and then with the end of a dump.
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <system_error>

#include "libcni/net/address.h"
#include "libcni/net/bridge_port.h"
#include "libcni/net/link.h"
#include "libcni/net/neighbor.h"
#include "libcni/net/route.h"
#include "libcni/net/vxlan.h"
#include "libcni/nft/nft.h"

namespace {

std::string replies;
std::size_t reads_since_request = 0;
std::uint32_t sequence = 0;
std::uint32_t port = 0;

ssize_t take_request(const void* request, std::size_t size) {
  nlmsghdr header{};
  std::memcpy(&header, request, std::min(size, sizeof header));
  sequence = header.nlmsg_seq;
  reads_since_request = 0;
  return static_cast<ssize_t>(size);
}

/// The guarantees of the kernel: the request's numbers, and messages that end within their
/// datagram.
void number(char* text, std::size_t size) {
  while (size >= sizeof(nlmsghdr)) {
    nlmsghdr header{};
    std::memcpy(&header, text, sizeof header);
    header.nlmsg_len = static_cast<std::uint32_t>(std::min<std::size_t>(header.nlmsg_len, size));
    header.nlmsg_seq = sequence;
    header.nlmsg_pid = port;
    std::memcpy(text, &header, sizeof header);
    const std::size_t step = (std::size_t{header.nlmsg_len} + 3) & ~std::size_t{3};
    if (step < sizeof header || step >= size) return;
    text += step;
    size -= step;
  }
}

ssize_t answer(char* buffer, std::size_t size) {
  std::string text = replies;
  // Sent twice, because an interrupted dump is started over; then the dump ends.
  if (reads_since_request++ > 0 || text.empty()) {
    const struct {
      nlmsghdr header;
      int error;
    } done{{sizeof done, NLMSG_DONE, NLM_F_MULTI, 0, 0}, 0};
    text.assign(reinterpret_cast<const char*>(&done), sizeof done);
  }
  const std::size_t length = std::min(size, text.size());
  std::memcpy(buffer, text.data(), length);
  number(buffer, length);
  return static_cast<ssize_t>(length);
}

void allow_failure(const std::function<void()>& read) {
  try {
    read();
  } catch (const std::system_error&) {
  }
}

void read_rtnetlink() {
  static net::Netlink netlink;
  allow_failure([] { net::list_links(netlink); });
  allow_failure([] { net::find_link(netlink, "eth0"); });
  allow_failure([] { net::list_addresses(netlink, 1); });
  allow_failure([] { net::list_routes(netlink, AF_INET); });
  allow_failure([] { net::list_routes(netlink, AF_INET6); });
  allow_failure([] { net::find_output_link(netlink, *base::IpAddress::parse("10.0.0.1")); });
  allow_failure([] { net::list_main_routes(netlink, AF_INET, 0); });
  allow_failure([] { net::list_main_routes(netlink, AF_INET6, 86); });
  allow_failure([] { net::list_neighbors(netlink, 1); });
  allow_failure([] { net::list_vxlan(netlink); });
  allow_failure([] { net::list_vxlan_fdb(netlink, 1); });
  allow_failure([] { net::get_port_flags(netlink, 1); });
  allow_failure([] { net::list_port_vlans(netlink, 1); });
}

/// Without rules: libnftnl ends the process at an attribute that a kernel never sends.
void read_nftables() {
  static nft::Nft nft;
  static const nft::Table table{nft::Family::inet, "plumb"};
  const auto any = [](std::string_view) { return true; };
  allow_failure([] { nft.generation(); });
  allow_failure([] { nft.has_chain(table, "c"); });
  allow_failure([] { nft.list_chains(table); });
  allow_failure([] { nft.list_sets(table); });
  allow_failure([] { nft.find_element(table, "s", {1, 2, 3, 4}); });
  allow_failure([&] { nft.list_elements(table, "s", any); });
  const auto ignore = [](std::span<const std::uint8_t>, bool) {};
  allow_failure([&] { nft.visit_elements(table, "s", ignore, [] {}); });
}

}  // namespace

extern "C" {

ssize_t sendto(int, const void* request, std::size_t size, int, const sockaddr*, socklen_t) {
  return take_request(request, size);
}

ssize_t sendmsg(int, const msghdr* message, int) {
  return take_request(message->msg_iov->iov_base, message->msg_iov->iov_len);
}

ssize_t recv(int, void* buffer, std::size_t size, int) {
  return answer(static_cast<char*>(buffer), size);
}

ssize_t recvmsg(int, msghdr* message, int) {
  if (message->msg_name != nullptr) {
    std::memset(message->msg_name, 0, message->msg_namelen);
    message->msg_namelen = sizeof(sockaddr_nl);
  }
  message->msg_flags = 0;
  return answer(static_cast<char*>(message->msg_iov->iov_base), message->msg_iov->iov_len);
}

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  replies.assign(reinterpret_cast<const char*>(data), size);
  read_rtnetlink();
  read_nftables();
  return 0;
}
}
