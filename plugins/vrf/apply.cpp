// SPDX-License-Identifier: Apache-2.0
#include "plugins/vrf/apply.h"

#include <sys/socket.h>

#include <algorithm>
#include <vector>

#include "libcni/attach/lock.h"
#include "libcni/attach/sandbox.h"
#include "libcni/base/undo.h"
#include "libcni/net/address.h"
#include "libcni/net/link.h"
#include "libcni/net/rule.h"
#include "libcni/net/vrf.h"
#include "plugins/vrf/conf.h"
#include "plugins/vrf/plan.h"

namespace vrf {
namespace {

/// A link with its objects that the kernel removes when it sets the link down and up, as it does
/// for a new master.
struct Member {
  int index = 0;
  std::vector<base::Prefix> addresses;  ///< IPv6
  std::vector<net::Route> routes;
};

struct Vrf {
  int index = 0;
  std::uint32_t table = 0;
};

std::vector<net::Route> list_routes(net::Netlink& sandbox) {
  auto routes = net::list_routes(sandbox, AF_INET);
  std::ranges::move(net::list_routes(sandbox, AF_INET6), std::back_inserter(routes));
  return routes;
}

Member read_member(net::Netlink& sandbox, int index, const std::vector<net::Route>& routes) {
  Member found{.index = index, .addresses = {}, .routes = find_forgotten(routes, index)};
  for (const net::Address& address : net::list_addresses(sandbox, index)) {
    const base::IpAddress& ip = address.prefix.address;
    if (!ip.is_v4() && !ip.is_link_local_unicast()) found.addresses.push_back(address.prefix);
  }
  return found;
}

std::uint32_t find_free_table(net::Netlink& sandbox, const std::vector<net::Route>& routes) {
  std::set<std::uint32_t> used;
  for (const net::Route& route : routes) used.insert(route.table);
  for (const int family : {AF_INET, AF_INET6})
    for (const net::Rule& rule : net::list_rules(sandbox, family)) used.insert(rule.table);
  for (const net::Link& link : net::list_links(sandbox))
    if (link.kind == "vrf")
      if (const auto table = net::find_vrf_table(sandbox, link.index)) used.insert(*table);
  return choose_table(used);
}

/// The device, if it exists. Throws when it cannot be used.
std::optional<Vrf> find_vrf(net::Netlink& sandbox, const Conf& conf) {
  const auto link = net::find_link(sandbox, conf.name);
  if (!link) return std::nullopt;
  if (link->kind != "vrf")
    throw cni::Error(cni::Code::invalid_config, "Netlink " + conf.name + " is not a VRF",
                     "key vrfname names a link of another kind in the pod");
  const std::uint32_t table = net::find_vrf_table(sandbox, link->index).value_or(0);
  if (conf.table && *conf.table != table)
    throw cni::Error(
        cni::Code::invalid_config,
        "VRF " + conf.name + " already exist with different routing table " + std::to_string(table),
        "key table is " + std::to_string(*conf.table) + "; leave it out to use the VRF's");
  return Vrf{.index = link->index, .table = table};
}

/// The undo step comes first, because the kernel may create the device although its answer is lost.
Vrf add_vrf(net::Netlink& sandbox, const Conf& conf, const std::vector<net::Route>& routes,
            base::Undo& undo) {
  const std::uint32_t table = conf.table ? *conf.table : find_free_table(sandbox, routes);
  undo.add("delete VRF \"" + conf.name + "\"",
           [&sandbox, name = conf.name] { net::remove_link(sandbox, name); });
  net::add_vrf(sandbox, conf.name, table);
  return {.index = net::get_link(sandbox, conf.name).index, .table = table};
}

void require_no_master(net::Netlink& sandbox, const net::Link& link) {
  if (link.master == 0) return;
  const auto master = net::find_link(sandbox, link.master);
  throw cni::Error(cni::Code::invalid_config,
                   "interface " + link.name + " has already a master set: " +
                       (master ? master->name : std::to_string(link.master)),
                   "vrf needs an interface that is not in a bridge or VRF");
}

/// Sets the master, or none for 0, and gives the link back what the kernel has removed.
void set_master(const base::Netns& netns, net::Netlink& sandbox, const Member& member, int master) {
  net::set_master(sandbox, member.index, master);
  net::Batch addresses(sandbox);
  for (const base::Prefix& prefix : member.addresses)
    net::put_missing_address(addresses, member.index, prefix);
  addresses.send();
  // The kernel refuses a gateway that it cannot reach yet.
  for (const base::Prefix& prefix : member.addresses)
    net::wait_local(sandbox, &netns, member.index, prefix.address);
  net::Batch routes(sandbox);
  for (const net::Route& route : member.routes) net::put_route(routes, route);
  routes.send();
}

/// The name of the configuration, as far as it can be read: DEL works with any configuration.
std::string known_name(const cni::Request& request) noexcept try {
  return parse_conf(request).name;
} catch (const std::exception&) {
  return {};
}

std::optional<net::Link> find_device(net::Netlink& sandbox, const std::string& name,
                                     const std::optional<net::Link>& link) {
  auto device = !name.empty()               ? net::find_link(sandbox, name)
                : link && link->master != 0 ? net::find_link(sandbox, link->master)
                                            : std::nullopt;
  if (device && device->kind != "vrf") device.reset();
  return device;
}

}  // namespace

cni::Result add(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  attach::lock(*request.sandbox);
  net::Netlink sandbox(*request.sandbox);
  const net::Link link = net::get_link(sandbox, request.ifname);
  require_no_master(sandbox, link);
  const auto routes = list_routes(sandbox);
  const Member before = read_member(sandbox, link.index, routes);

  base::Undo undo;
  const auto present = find_vrf(sandbox, conf);
  const Vrf vrf = present ? *present : add_vrf(sandbox, conf, routes, undo);
  undo.add("take link \"" + link.name + "\" out of the VRF",
           [&] { set_master(*request.sandbox, sandbox, before, 0); });
  Member inside = before;
  inside.routes = move(inside.routes, vrf.table);
  set_master(*request.sandbox, sandbox, inside, vrf.index);
  undo.commit();
  return cni::require_prev_result(request);
}

void remove(const cni::Request& request) {
  if (!request.sandbox) return;
  attach::try_lock(*request.sandbox);
  net::Netlink sandbox(*request.sandbox);
  const auto link = net::find_link(sandbox, request.ifname);
  const auto device = find_device(sandbox, known_name(request), link);
  if (!device) return;
  // Its routes stay away from the main table, where those of the pod's other interfaces are in use.
  if (link && link->master == device->index) net::set_master(sandbox, link->index, 0);
  const auto links = net::list_links(sandbox);
  if (std::ranges::find(links, device->index, &net::Link::master) == links.end())
    net::remove_link(sandbox, device->index);
}

void verify(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  net::Netlink sandbox(*request.sandbox);
  const auto link = net::find_link(sandbox, request.ifname);
  const auto device = net::find_link(sandbox, conf.name);
  if (!link || !device || device->kind != "vrf" || link->master != device->index)
    attach::differs("failed to find " + request.ifname + " associated to vrf " + conf.name);
  if (!device->up) attach::differs("vrf " + conf.name + " is down");
  const auto table = net::find_vrf_table(sandbox, device->index);
  if (conf.table && table != conf.table)
    attach::differs("vrf " + conf.name + " has routing table " + std::to_string(table.value_or(0)) +
                    ", must be " + std::to_string(*conf.table));
}

void report_status(const cni::Request& request) {
  parse_conf(request);
}

}  // namespace vrf
