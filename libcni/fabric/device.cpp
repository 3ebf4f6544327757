// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/device.h"

#include <sys/socket.h>

#include <algorithm>
#include <vector>

#include "libcni/fabric/sysctls.h"
#include "libcni/net/address.h"
#include "libcni/net/link.h"
#include "libcni/net/route.h"
#include "libcni/net/sysctl.h"
#include "libcni/net/vxlan.h"

namespace fabric {
namespace {

using What = Change::What;

net::VxlanTunnel tunnel_of(const VxlanDevice& device) {
  return {.vni = device.vni,
          .port = device.port,
          .local = device.local,
          .learning = device.learning,
          .v6 = !device.local.is_v4()};
}

std::string describe(const VxlanDevice& device) {
  return "device " + device.name + " vni " + std::to_string(device.vni) + " port " +
         std::to_string(device.port) + " local " + device.local.text();
}

bool collide(const net::VxlanTunnel& a, const net::VxlanTunnel& b) {
  return a.vni == b.vni && a.port == b.port && a.v6 == b.v6;
}

/// True if the device has our alias, or none because a killed run left it before it could set one.
bool is_own(const Run& run, const net::VxlanLink& present, const VxlanDevice& wanted) {
  if (present.link.alias == run.mark()) return true;
  return present.link.alias.empty() && !present.link.up && present.link.mac == wanted.mac &&
         present.tunnel == tunnel_of(wanted);
}

void ensure_sysctl(Run& run, const std::string& key, const std::string& value) {
  const auto present = net::find_sysctl(key);
  if (!present || *present == value) return;  // absent: no IPv6 here
  run.change(
      What::replace, "sysctl " + key + " = " + value, [&] { net::write_sysctl(key, value); }, 0);
}

/// Sets a sysctl that outlives our objects and records it: `plumbd cleanup` restores it.
void ensure_global_sysctl(Run& run, const std::string& key, const std::string& value) {
  const auto present = net::find_sysctl(key);
  if (!present || *present == value) return;
  if (!run.is_dry() && !run.record_folder().empty()) try {
      record_sysctl(run.record_folder(), {.key = key, .before = *present, .ours = value});
    } catch (const std::system_error& e) {
      run.recorder().fail("remember sysctl " + key + " = " + *present, e);
    }
  ensure_sysctl(run, key, value);
}

void ensure_addresses(Run& run, int index, const VxlanDevice& wanted) {
  std::vector<base::Prefix> present;
  for (const net::Address& each : run.list_addresses(index))
    if (!each.prefix.address.is_link_local_unicast()) present.push_back(each.prefix);
  const auto describe_address = [&](const base::Prefix& address) {
    return "address " + address.text() + " dev " + wanted.name;
  };
  for (const base::Prefix& address : wanted.addresses)
    if (std::ranges::find(present, address) == present.end())
      run.change(What::add, describe_address(address),
                 [&] { net::add_address(run.netlink(), index, address, net::Dad::skip); });
  for (const base::Prefix& address : present)
    if (std::ranges::find(wanted.addresses, address) == wanted.addresses.end())
      run.change(What::remove, describe_address(address),
                 [&] { net::remove_address(run.netlink(), index, address); });
}

/// Changes the properties that can be changed while packets flow.
bool settle(Run& run, const net::Link& link, const VxlanDevice& wanted) {
  net::Netlink& netlink = run.netlink();
  const std::string device = "device " + wanted.name + " ";
  if (link.alias != run.mark())
    run.change(What::replace, device + "alias " + run.mark(),
               [&] { net::set_alias(netlink, link.index, run.mark()); });
  if (link.mac != wanted.mac)
    run.change(What::replace, device + "address " + wanted.mac.text(),
               [&] { net::set_mac(netlink, link.index, wanted.mac); });
  if (link.mtu != wanted.mtu)
    run.change(What::replace, device + "mtu " + std::to_string(wanted.mtu),
               [&] { net::set_mtu(netlink, link.index, wanted.mtu); });
  if (link.master != wanted.master)
    run.change(What::replace, device + "master " + std::to_string(wanted.master),
               [&] { net::set_master(netlink, link.index, wanted.master); });
  ensure_addresses(run, link.index, wanted);
  return link.up ||
         run.change(What::replace,
                    device + "up (UDP port " + std::to_string(wanted.port) + " must be free)",
                    [&] { net::set_up(netlink, link.index); });
}

/// Why the device cannot exist; empty when it can.
std::string find_obstacle(const Run& run, const std::vector<net::VxlanLink>& all,
                          const VxlanDevice& wanted) {
  for (const net::VxlanLink& each : all) {
    if (each.link.name == wanted.name && !is_own(run, each, wanted))
      return "device \"" + wanted.name + "\" exists and has no alias \"" + run.mark() +
             "\": it is another program's; remove it or choose another name";
    // A device of this scope has been removed before, or would be, unless the list is an old one.
    if (each.link.name != wanted.name && (each.link.alias != run.mark() || !run.removes()) &&
        collide(each.tunnel, tunnel_of(wanted)))
      return "device \"" + wanted.name + "\": VXLAN device \"" + each.link.name + "\" has VNI " +
             std::to_string(wanted.vni) + " and port " + std::to_string(wanted.port) +
             " already; remove it or choose another VNI or port";
  }
  return {};
}

void ensure_forwarding_v6(Run& run) {
  const std::string key = net::forwarding_key(AF_INET6);
  const auto present = net::find_sysctl(key);
  if (!present || *present == "1") return;
  for (const std::string& accept : net::list_accept_ra_keys(run.netlink()))
    ensure_global_sysctl(run, accept, "2");
  ensure_global_sysctl(run, key, "1");
}

}  // namespace

std::optional<int> ensure_device(Run& run, const VxlanDevice& wanted) {
  net::Netlink& netlink = run.netlink();
  std::vector<net::VxlanLink> all = run.list_vxlan();
  const auto find = [&] {
    return std::ranges::find(all, wanted.name,
                             [](const net::VxlanLink& each) { return each.link.name; });
  };
  const bool name_taken = find() == all.end() && net::find_link(netlink, wanted.name);
  if (name_taken) all = net::list_vxlan(netlink);  // another process may have made it by now
  if (std::string obstacle = find_obstacle(run, all, wanted); !obstacle.empty()) {
    run.recorder().fail(std::move(obstacle));
    return std::nullopt;
  }
  const auto present = find();
  const bool absent = present == all.end();
  if (absent && name_taken) {
    run.recorder().fail("device \"" + wanted.name +
                        "\" exists and is not a VXLAN device; remove it or choose another name");
    return std::nullopt;
  }
  const bool differs = !absent && present->tunnel != tunnel_of(wanted);
  if (absent || differs) {
    const auto make = [&] {
      if (differs) net::remove_link(netlink, present->link.index);
      net::add_vxlan(netlink, {.name = wanted.name,
                               .tunnel = tunnel_of(wanted),
                               .mac = wanted.mac,
                               .mtu = wanted.mtu,
                               .master = wanted.master});
    };
    if (!run.change(differs ? What::replace : What::add, describe(wanted), make, differs ? 2 : 1))
      return std::nullopt;
    if (run.is_dry()) return 0;
  }
  const net::Link link = absent || differs ? net::get_link(netlink, wanted.name) : present->link;
  if (absent || differs || present->accept_ra != 0u || present->rp_filter != 2u) {
    ensure_sysctl(run, "net/ipv6/conf/" + wanted.name + "/accept_ra", "0");
    if (net::find_conf_in_effect(wanted.name, "rp_filter") != "2")
      ensure_sysctl(run, "net/ipv4/conf/" + wanted.name + "/rp_filter", "2");
  }
  if (!settle(run, link, wanted)) return std::nullopt;
  return link.index;
}

void remove_stale_devices(Run& run, std::span<const Overlay> overlays, bool in_the_way) {
  for (const net::VxlanLink& each : run.list_vxlan()) {
    if (each.link.alias != run.mark()) continue;
    const auto is = [&](const Overlay& overlay) { return overlay.device.name == each.link.name; };
    const auto needs = [&](const Overlay& overlay) {
      return collide(tunnel_of(overlay.device), each.tunnel);
    };
    if (std::ranges::any_of(overlays, is)) continue;
    if (in_the_way && std::ranges::none_of(overlays, needs)) continue;
    run.change(What::remove, "device " + each.link.name,
               [&] { net::remove_link(run.netlink(), each.link.index); });
  }
}

void ensure_forwarding(Run& run, const Desired& desired) {
  const auto has_routes_of = [&](int family) {
    return std::ranges::any_of(desired.routes, [&](const FabricRoute& route) {
      return route.dst.address.family() == family;
    });
  };
  const bool over_v6 = std::ranges::any_of(
      desired.overlays, [](const Overlay& overlay) { return !overlay.device.local.is_v4(); });
  if (has_routes_of(AF_INET)) {
    ensure_global_sysctl(run, net::forwarding_key(AF_INET), "1");
    // Outer IPv6 packets are never fragmented. Where the path's MTU is smaller than the link's, the
    // kernel reports that to IPv4 pods only with this setting; otherwise full-size packets are
    // lost.
    if (over_v6) ensure_global_sysctl(run, "net/ipv4/ip_forward_use_pmtu", "1");
  }
  if (has_routes_of(AF_INET6)) ensure_forwarding_v6(run);
}

}  // namespace fabric
