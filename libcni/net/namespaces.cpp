// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/namespaces.h"

#include <linux/if_addr.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <system_error>
#include <vector>

#include "libcni/net/address.h"
#include "libcni/net/attributes.h"

namespace net {
namespace {

std::set<int> list_numbers(Netlink& netlink) {
  std::set<int> numbers;
  Message message(RTM_GETNSID, 0);
  message.extra<rtgenmsg>().rtgen_family = AF_UNSPEC;
  netlink.dump(
      message, "list network namespaces",
      [&](const nlmsghdr& reply) {
        for_each_attribute<rtgenmsg>(reply, [&](const nlattr& a) {
          if (type_of(a) == NETNSA_NSID) numbers.insert(static_cast<int>(u32_of(a)));
        });
      },
      [&] { numbers.clear(); });
  return numbers;
}

/// Returns false when the kernel cannot list namespace `number`: it is gone, or the kernel does not
/// support that.
bool put_addresses(Netlink& netlink, int number, std::set<base::IpAddress>& addresses) try {
  for (const int family : {AF_INET, AF_INET6}) {
    Message message(RTM_GETADDR, 0);
    message.extra<ifaddrmsg>().ifa_family = static_cast<std::uint8_t>(family);
    message.put_u32(IFA_TARGET_NETNSID, static_cast<std::uint32_t>(number));
    netlink.dump(
        message, "list addresses of network namespace " + std::to_string(number),
        [&](const nlmsghdr& reply) {
          for_each_attribute<ifaddrmsg>(reply, [&](const nlattr& a) {
            // Takes both ends of a point-to-point address: one address too many does no harm.
            if (type_of(a) != IFA_LOCAL && type_of(a) != IFA_ADDRESS) return;
            if (const auto address = base::IpAddress::from_bytes(bytes_of(a)))
              addresses.insert(*address);
          });
        },
        [] {});
  }
  return true;
} catch (const std::system_error& error) {
  if (error.code().value() != EINVAL) throw;
  return false;
}

}  // namespace

std::optional<std::set<base::IpAddress>> find_addresses_of_all(Netlink& netlink) {
  std::set<base::IpAddress> addresses;
  for (const Address& address : list_addresses(netlink)) addresses.insert(address.prefix.address);
  for (const int number : list_numbers(netlink))
    if (!put_addresses(netlink, number, addresses) && list_numbers(netlink).contains(number))
      return std::nullopt;
  return addresses;
}

}  // namespace net
