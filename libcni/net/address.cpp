// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/address.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "libcni/base/gone.h"
#include "libcni/net/attributes.h"

namespace net {
namespace {

std::string describe(int index, const base::Prefix& prefix) {
  return "address " + prefix.text() + " on link " + std::to_string(index);
}

void fill(Message& message, int index, const base::Prefix& prefix) {
  auto& header = message.extra<ifaddrmsg>();
  header.ifa_family = static_cast<std::uint8_t>(prefix.address.family());
  header.ifa_prefixlen = static_cast<std::uint8_t>(prefix.length);
  header.ifa_index = static_cast<std::uint32_t>(index);
  message.put(IFA_LOCAL, prefix.address.bytes());
  message.put(IFA_ADDRESS, prefix.address.bytes());
}

void fill_new(Message& message, int index, const base::Prefix& prefix, Dad dad) {
  fill(message, index, prefix);
  if (prefix.address.is_v4() && prefix.length < 31)
    message.put(IFA_BROADCAST, prefix.last().bytes());
  if (!prefix.address.is_v4() && dad == Dad::skip) message.put_u32(IFA_FLAGS, IFA_F_NODAD);
}

std::optional<Address> parse(const nlmsghdr& reply) {
  const auto* header = header_of<ifaddrmsg>(reply);
  if (header == nullptr) return std::nullopt;
  std::optional<base::IpAddress> local;
  std::optional<base::IpAddress> remote;
  std::uint32_t flags = header->ifa_flags;
  for_each_attribute<ifaddrmsg>(reply, [&](const nlattr& a) {
    if (type_of(a) == IFA_LOCAL) local = base::IpAddress::from_bytes(bytes_of(a));
    if (type_of(a) == IFA_ADDRESS) remote = base::IpAddress::from_bytes(bytes_of(a));
    if (type_of(a) == IFA_FLAGS) flags = u32_of(a);
  });
  // For IPv6, only point-to-point addresses have IFA_LOCAL.
  if (!local) local = remote;
  if (!local) return std::nullopt;
  return Address{.index = static_cast<int>(header->ifa_index),
                 .prefix = {*local, header->ifa_prefixlen},
                 .tentative = (flags & IFA_F_TENTATIVE) != 0 && (flags & IFA_F_OPTIMISTIC) == 0,
                 .dad_failed = (flags & IFA_F_DADFAILED) != 0,
                 .secondary = (flags & IFA_F_SECONDARY) != 0,
                 .deprecated = (flags & IFA_F_DEPRECATED) != 0};
}

}  // namespace

void add_address(Netlink& netlink, int index, const base::Prefix& prefix, Dad dad) {
  Message message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  fill_new(message, index, prefix, dad);
  netlink.request(message, "add " + describe(index, prefix));
}

void put_address(Batch& batch, int index, const base::Prefix& prefix, Dad dad) {
  Message message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  fill_new(message, index, prefix, dad);
  batch.add(message, "add " + describe(index, prefix));
}

void put_missing_address(Batch& batch, int index, const base::Prefix& prefix) {
  Message message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  fill_new(message, index, prefix, Dad::skip);
  batch.add(message, "add " + describe(index, prefix), [](int errnum) { return errnum == EEXIST; });
}

bool ensure_address(Netlink& netlink, int index, const base::Prefix& prefix) try {
  add_address(netlink, index, prefix, Dad::skip);
  return true;
} catch (const std::system_error& e) {
  if (e.code().value() == EEXIST) return false;
  throw;
}

bool remove_address(Netlink& netlink, int index, const base::Prefix& prefix) try {
  Message message(RTM_DELADDR, 0);
  fill(message, index, prefix);
  netlink.request(message, "remove " + describe(index, prefix));
  return true;
} catch (const std::system_error& e) {
  if (base::is_gone(e.code().value(), base::Object::address)) return false;
  throw;
}

std::vector<Address> list_addresses(Netlink& netlink) {
  return list_addresses(netlink, 0);
}

std::vector<Address> list_addresses(Netlink& netlink, int index) {
  std::vector<Address> addresses;
  Message message(RTM_GETADDR, 0);
  auto& header = message.extra<ifaddrmsg>();
  header.ifa_family = AF_UNSPEC;
  header.ifa_index = static_cast<std::uint32_t>(index);
  netlink.dump(
      message, index == 0 ? "list addresses" : "list addresses of link " + std::to_string(index),
      [&](const nlmsghdr& reply) {
        const auto address = parse(reply);
        if (address && (index == 0 || address->index == index)) addresses.push_back(*address);
      },
      [&] { addresses.clear(); });
  return addresses;
}

}  // namespace net
