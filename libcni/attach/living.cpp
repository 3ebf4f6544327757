// SPDX-License-Identifier: Apache-2.0
#include "libcni/attach/living.h"

#include "libcni/attach/veth.h"
#include "libcni/net/link.h"
#include "libcni/net/namespaces.h"

namespace attach {

Living::Living() {
  net::Netlink host;
  for (const net::Link& link : net::list_links(host))
    if (auto owner = find_owner(link.alias)) owners_.push_back(std::move(*owner));
  addresses_ = net::find_addresses_of_all(host);
}

std::optional<bool> Living::has_address(const base::IpAddress& address) const {
  return addresses_ ? std::optional(addresses_->contains(address)) : std::nullopt;
}

std::optional<firewall::Owner> find_owner(const std::string& alias) {
  const auto network = alias.find(':');
  const auto container = alias.find('/');
  const auto ifname = alias.rfind('/');
  if (container == std::string::npos || ifname == container || network > container)
    return std::nullopt;
  firewall::Owner owner{.network = alias.substr(network + 1, container - network - 1),
                        .container_id = alias.substr(container + 1, ifname - container - 1),
                        .ifname = alias.substr(ifname + 1)};
  // The text of another program, or one with hashed parts, is not reproduced.
  return alias_of(owner) == alias ? std::optional(owner) : std::nullopt;
}

}  // namespace attach
