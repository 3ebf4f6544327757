// SPDX-License-Identifier: Apache-2.0
#include "plugins/portmap/holder.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "libcni/net/link.h"
#include "libcni/net/route.h"

namespace portmap {
namespace {

constexpr const char* kNetworks = "/var/lib/cni/networks";  // of host-local, by default

/// Returns whether host-local has reserved `address` for any network. Does not use glob(3): it
/// expands `~user`, and so links glibc's resolver, which would be a fifth of this program.
bool is_reserved(const base::IpAddress& address) {
  const std::unique_ptr<DIR, int (*)(DIR*)> networks(::opendir(kNetworks), ::closedir);
  while (const dirent* network = networks ? ::readdir(networks.get()) : nullptr) {
    const std::string file = network->d_name + ("/" + address.text());
    if (network->d_name[0] != '.' &&
        ::faccessat(::dirfd(networks.get()), file.c_str(), F_OK, 0) == 0)
      return true;
  }
  return false;
}

/// Returns whether packets to `address` have a specific route over a link that is not a bridge or a
/// veth: the far ends of bridge and veth are visible on the host, those of a macvlan's parent are
/// not.
bool is_behind_other_link(const base::IpAddress& address) {
  net::Netlink host;
  std::optional<net::Route> best;
  for (net::Route& route : net::list_main_routes(host, address.family(), 0))
    if (route.dst.length > 0 && route.dst.contains(address) &&
        (!best || route.dst.length > best->dst.length))
      best = std::move(route);
  const auto link = best ? net::find_link(host, best->oif) : std::nullopt;
  return link && link->kind != "bridge" && link->kind != "veth";
}

}  // namespace

const attach::Living& Holders::living() {
  return living_ ? *living_ : living_.emplace();
}

bool Holders::is_dead(const firewall::HostPortHold& hold) {
  const bool has_host_end = std::ranges::any_of(
      living().owners(),
      [&](const firewall::Owner& owner) { return firewall::belongs_to(hold, owner); });
  if (has_host_end) return false;
  // The container that asks for the port has the address now.
  if (own_.contains(hold.container)) return true;
  if (living().has_address(hold.container).value_or(true)) return false;
  return !is_reserved(hold.container) || !is_behind_other_link(hold.container);
}

}  // namespace portmap
