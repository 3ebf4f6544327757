// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/routes.h"

#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <tuple>

#include "libcni/net/link.h"
#include "libcni/net/vxlan.h"

namespace fabric {
namespace {

constexpr int kUnusable = -1;  // the route waits for its device
constexpr int kPlanned = -2;   // of a dry run

/// The kernel allows one route with the same destination and metric.
auto key_of(const net::Route& route) {
  return std::tie(route.dst.address, route.dst.length, route.priority);
}

bool is_right(const net::Route& wanted, const net::Route& present) {
  return wanted.gateway == present.gateway && wanted.protocol == present.protocol &&
         wanted.blackhole == present.blackhole && wanted.onlink == present.onlink &&
         (wanted.oif == 0 || wanted.oif == present.oif);
}

/// IPv6 only.
bool has_next_hop_inside(const net::Route& route) {
  return route.gateway && !route.gateway->is_v4() && route.dst.length < route.gateway->bits() &&
         route.dst.contains(*route.gateway);
}

constexpr std::array kAgents{kProtocolVxlan, kProtocolDirect, kProtocolBlackhole};
constexpr std::array kNetworks{kProtocolNetwork};

}  // namespace

Routes::Routes(Run& run, const Desired& desired, Devices devices)
    : run_(run), devices_(std::move(devices)) {
  run_.recorder().want(desired.routes.size());
  compare(wanted_routes(desired.routes), read_present(desired.scope_ranges));
  if (!difference_.replace.empty() || !run_.replaced().empty()) resolve_conflicts();
}

Routes::Routes(Run& run, const Desired& before, const Desired& desired, Devices devices)
    : run_(run), devices_(std::move(devices)) {
  const auto [present, wanted] = trim_common<FabricRoute>(before.routes, desired.routes);
  compare(wanted_routes(wanted), wanted_routes(present));
  difference_.replace.clear();
}

void Routes::compare(std::vector<net::Route> wanted, std::vector<net::Route> present) {
  difference_ = difference(wanted, present, key_of, is_right);
  const auto waits = [](const net::Route& route) { return route.oif == kUnusable; };
  std::erase_if(difference_.add, waits);
  std::erase_if(difference_.replace, waits);
  std::erase_if(difference_.remove, waits);
}

std::vector<net::Route> Routes::wanted_routes(std::span<const FabricRoute> routes) {
  std::vector<net::Route> wanted;
  wanted.reserve(routes.size());
  for (const FabricRoute& route : routes) wanted.push_back(wanted_route(route));
  return wanted;
}

std::optional<int> Routes::index_of(const std::string& device) {
  const auto known = devices_.find(device);
  if (known != devices_.end()) return known->second;
  std::optional<int> index;
  if (const auto link = net::find_link(run_.netlink(), device))
    index = link->index;
  else
    run_.recorder().fail("device \"" + device + "\" does not exist: routes through it wait");
  devices_.emplace(device, index);
  return index;
}

net::Route Routes::wanted_route(const FabricRoute& route) {
  net::Route wanted{.dst = route.dst.network(),
                    .gateway = route.gateway,
                    .protocol = run_.scope().empty() ? route.protocol : kProtocolNetwork,
                    .priority = route.metric,
                    .onlink = route.onlink,
                    .blackhole = route.blackhole};
  if (!route.device.empty()) {
    const std::optional<int> index = index_of(route.device);
    wanted.oif = !index ? kUnusable : *index == 0 ? kPlanned : *index;
  }
  if (!wanted.dst.address.is_v4() && wanted.priority == 0) wanted.priority = net::kMetricV6;
  return wanted;
}

std::vector<net::Route> Routes::read_present(const std::vector<base::Prefix>& scope_ranges) {
  const bool named = !run_.scope().empty();
  std::vector<int> devices;
  if (named)
    for (const net::VxlanLink& each : run_.list_vxlan())
      if (each.link.alias == run_.mark()) devices.push_back(each.link.index);
  // Named scopes share a protocol number.
  const auto is_own = [&](const net::Route& route) {
    return !named || std::ranges::find(devices, route.oif) != devices.end() ||
           base::any_contains(scope_ranges, route.dst);
  };
  std::vector<net::Route> present;
  const std::span<const std::uint8_t> protocols =
      named ? std::span<const std::uint8_t>(kNetworks) : kAgents;
  for (const int family : {AF_INET, AF_INET6})
    for (const std::uint8_t protocol : protocols)
      for (const net::Route& route : net::list_main_routes(run_.netlink(), family, protocol))
        if (is_own(route)) present.push_back(route);
  return present;
}

/// True for a route through the device of another network of a plugin, with the same ranges.
bool Routes::is_of_another_network(const net::Route& route) const {
  if (run_.scope().empty() || route.protocol != kProtocolNetwork) return false;
  const auto& devices = run_.list_vxlan();
  return std::ranges::any_of(devices, [&](const net::VxlanLink& each) {
    return each.link.index == route.oif && each.link.alias != run_.mark();
  });
}

/// The kernel replaces the first route of a destination and metric, whichever program made it.
/// Another program's route in front of ours is spared; one in the place of ours is replaced.
void Routes::resolve_conflicts() {
  auto& replace = difference_.replace;
  const auto& add = difference_.add;
  const auto is_lost = [&](const net::Route& route) {
    return std::ranges::find(run_.replaced(), route.dst) != run_.replaced().end() &&
           std::ranges::binary_search(add, key_of(route), {}, key_of);
  };
  std::vector<net::Route> found;
  for (const int family : {AF_INET, AF_INET6})
    for (const net::Route& route : net::list_main_routes(run_.netlink(), family, 0)) {
      const bool own = std::ranges::find(kAgents, route.protocol) != kAgents.end() ||
                       route.protocol == kProtocolNetwork;
      if (own && !is_of_another_network(route)) continue;
      if (std::ranges::binary_search(replace, key_of(route), {}, key_of)) found.push_back(route);
      if (is_lost(route)) in_place_.push_back(route);
    }
  for (const net::Route& foreign : found) {
    run_.recorder().fail(
        "replace " + describe(foreign) + ": " +
        (foreign.protocol == kProtocolNetwork
             ? "another network of this node has that range; give one of them another range"
             : "another program (protocol " + std::to_string(foreign.protocol) +
                   ") already routes this "
                   "destination with the same metric; remove that route"));
    std::erase_if(replace,
                  [&](const net::Route& route) { return key_of(route) == key_of(foreign); });
  }
}

std::string link_name(int index) {
  std::array<char, IF_NAMESIZE> name{};
  const bool known = ::if_indextoname(static_cast<unsigned>(index), name.data()) != nullptr;
  return known ? name.data() : std::to_string(index);
}

std::string Routes::describe(const net::Route& route) const {
  std::string text = (route.blackhole ? "blackhole " : "route ") + route.dst.text();
  if (route.gateway) text += " via " + route.gateway->text();
  const auto device = std::ranges::find_if(devices_, [&](const auto& each) {
    return each.second && *each.second == (route.oif == kPlanned ? 0 : route.oif);
  });
  if (route.blackhole || route.oif == 0) return text;
  if (device != devices_.end()) return text + " dev " + device->first;
  return text + " dev " + link_name(route.oif);
}

/// Host routes for the moment of the change: IPv6 refuses a next hop that another device's route
/// leads to (6.18, "device mismatch"), such as the route to be replaced or a route of BIRD.
std::vector<net::Route> Routes::next_hop_routes(const std::vector<net::Route>& mismatched) const {
  std::vector<net::Route> ways;
  if (run_.is_dry()) return ways;
  for (const auto& routes : {std::span(mismatched), std::span(difference_.replace)})
    for (const net::Route& route : routes)
      if (has_next_hop_inside(route))
        ways.push_back({.dst = base::host_prefix(*route.gateway),
                        .oif = route.oif,
                        .protocol = route.protocol,
                        .priority = net::kMetricV6});
  return ways;
}

void Routes::add() {
  const auto describe_it = [this](const net::Route& route) { return describe(route); };
  const auto add_it = [](net::Pipeline& pipeline, const net::Route& route) {
    net::put_route(pipeline, route, net::Put::add);
  };
  const auto remove_it = [](net::Pipeline& pipeline, const net::Route& route) {
    net::remove_route(pipeline, route);
  };
  // These are not replaced in place: before, no other route may lead to a next hop inside the
  // destination (IPv6).
  run_.change_all(Change::What::replace, in_place_, describe_it, remove_it);
  std::vector<net::Route> mismatched;
  run_.spare([&](std::size_t index, int errnum) {
    const net::Route& route = difference_.add[index];
    const bool takes = errnum == EINVAL && has_next_hop_inside(route);
    if (takes) mismatched.push_back(route);
    return takes;
  });
  run_.change_all(Change::What::add, difference_.add, describe_it, add_it);
  for (const std::size_t index : run_.refused())
    if (std::ranges::find(mismatched, difference_.add[index]) == mismatched.end())
      run_.recorder().block(difference_.add[index].dst);
  const std::vector<net::Route> ways = next_hop_routes(mismatched);
  run_.change_all(Change::What::add, ways, describe_it, add_it);
  run_.change_all(Change::What::add, mismatched, describe_it, add_it);
  for (const std::size_t index : run_.refused()) run_.recorder().block(mismatched[index].dst);
  run_.change_all(Change::What::replace, difference_.replace, describe_it,
                  [](net::Pipeline& pipeline, const net::Route& route) {
                    net::put_route(pipeline, route, net::Put::replace);
                  });
  run_.change_all(Change::What::remove, ways, describe_it, remove_it);
}

void Routes::remove() {
  run_.change_all(
      Change::What::remove, difference_.remove,
      [this](const net::Route& route) { return describe(route); },
      [](net::Pipeline& pipeline, const net::Route& route) { net::remove_route(pipeline, route); });
}

}  // namespace fabric
