// SPDX-License-Identifier: Apache-2.0
#include "libcni/attach/sandbox.h"

#include <linux/ip.h>
#include <sys/socket.h>

#include <algorithm>

#include "libcni/base/sys_error.h"
#include "libcni/net/address.h"
#include "libcni/net/sysctl.h"
#include "libcni/spec/error.h"

namespace attach {
namespace {

constexpr int kDadMilliseconds = 5000;
constexpr int kLeastMtuV6 = 1280;  // RFC 8200, section 5

bool has_v6(const SandboxPlan& plan) {
  return std::ranges::any_of(plan.ips, [](const auto& ip) { return !ip.address.address.is_v4(); });
}

std::optional<base::IpAddress> first_gateway(const std::vector<cni::IpConfig>& ips, bool v4) {
  for (const cni::IpConfig& ip : ips)
    if (ip.gateway && ip.gateway->is_v4() == v4) return ip.gateway;
  return std::nullopt;
}

void enable_ipv6(const std::string& ifname) {
  const std::string key = "net/ipv6/conf/" + ifname + "/disable_ipv6";
  // A kernel without IPv6 has no such key; adding the address then fails with a clear error.
  if (net::find_sysctl(key).value_or("0") != "0") net::write_sysctl(key, "0");
}

/// The kernel accepts IPv4 redirects if either the link's own knob or that of "all" is 1. A later
/// link of the pod keeps its own knob.
void refuse_advertisements(const SandboxPlan& plan) {
  const std::string v6 = "net/ipv6/conf/" + plan.ifname + "/";
  net::try_write_sysctl(v6 + "accept_ra", "0");
  net::try_write_sysctl(v6 + "accept_redirects", "0");
  net::try_write_sysctl("net/ipv4/conf/all/accept_redirects", "0");
}

/// Sets the knobs that exist only in the sandbox's /proc/sys/net.
void write_sysctls(const SandboxPlan& plan) {
  const std::string v6 = "net/ipv6/conf/" + plan.ifname + "/";
  if (plan.dad) net::try_write_sysctl(v6 + "enhanced_dad", "1");
  net::try_write_sysctl(v6 + "accept_dad", plan.dad ? "1" : "0");
  if (plan.ndisc_notify) net::try_write_sysctl(v6 + "ndisc_notify", "1");
  // A pod without IPv6 addresses has a link-local one, and listens to routers.
  if (!plan.accept_ra) refuse_advertisements(plan);
  if (!has_v6(plan)) return;
  enable_ipv6("lo");
  enable_ipv6(plan.ifname);
  net::try_write_sysctl(v6 + "keep_addr_on_down", "1");
}

/// Put before the link comes up, when the kernel announces its addresses.
void put_knobs(net::Batch& batch, int index, const SandboxPlan& plan) {
  std::vector<net::Ipv4Knob> knobs;
  if (plan.arp_notify) knobs.emplace_back(IPV4_DEVCONF_ARP_NOTIFY, 1);
  if (!plan.accept_ra) knobs.emplace_back(IPV4_DEVCONF_ACCEPT_REDIRECTS, 0);
  if (!knobs.empty()) net::put_ipv4_knobs(batch, index, knobs);
}

/// Returns whether `found` matches all attributes that the result gives for a route. Absent ones
/// are not compared, nor is the main table: a later plugin of the chain (sbr) moves routes to
/// another table.
bool has_named_properties(const net::Route& found, const cni::Route& asked) {
  constexpr std::uint64_t kMain = 254;
  const std::uint64_t table = asked.table.value_or(0);
  const bool v4 = asked.dst.address.is_v4();
  if (table != 0 && table != kMain && table != found.table) return false;
  if (asked.priority != 0 && asked.priority != found.priority) return false;
  // IPv6 routes have no scope, and for several next hops the kernel reports the metrics of the
  // first.
  if (asked.scope && v4 && *asked.scope != found.scope) return false;
  if (!found.hops.empty()) return true;
  return (asked.mtu == 0 || asked.mtu == found.mtu) &&
         (asked.advmss == 0 || asked.advmss == found.advmss);
}

/// Returns whether `found` is the route of the result: one of its next hops is that of this
/// attachment.
bool serves(const net::Route& found, const cni::Route& asked, int oif) {
  if (found.dst.network() != asked.dst.network() || !has_named_properties(found, asked))
    return false;
  return std::ranges::any_of(net::hops_of(found), [&](const net::NextHop& hop) {
    return hop.oif == oif && (!asked.gateway || hop.gateway == asked.gateway);
  });
}

}  // namespace

void differs(const std::string& what) {
  throw cni::Error(cni::Code::internal, what, "CHECK found a difference from the result of ADD");
}

void verify_conf(const std::string& link, const std::string& knob, const std::string& value) {
  const std::string key = "net/ipv4/conf/" + link + "/" + knob;
  const auto own = net::find_sysctl(key);
  if (own != value && net::find_conf_in_effect(link, knob) != value)
    differs("sysctl " + key + " is " + own.value_or("absent") + ", must be " + value);
}

void verify_forwarding(int family) {
  const std::string key = net::forwarding_key(family);
  const auto present = net::find_sysctl(key);
  if (present != "1")
    differs("sysctl " + key + " is " + present.value_or("absent") + ", must be 1");
}

net::Route kernel_route(const cni::Route& route, const std::vector<cni::IpConfig>& ips, int oif) {
  const bool v4 = route.dst.address.is_v4();
  net::Route kernel{.dst = route.dst,
                    .gateway = route.gateway ? route.gateway : first_gateway(ips, v4),
                    .source = std::nullopt,
                    .oif = oif};
  kernel.priority = static_cast<std::uint32_t>(route.priority);
  kernel.mtu = static_cast<std::uint32_t>(route.mtu);
  kernel.advmss = static_cast<std::uint32_t>(route.advmss);
  // For the kernel, table 0 means "main".
  if (route.table.value_or(0) != 0) kernel.table = static_cast<std::uint32_t>(*route.table);
  if (route.scope) kernel.scope = static_cast<std::uint8_t>(*route.scope);
  // A next hop and link scope exclude each other: a destination on the link needs no gateway.
  if (kernel.scope != 0 && !route.gateway) kernel.gateway.reset();
  return kernel;
}

void name_default_gateways(cni::Result& result) {
  for (cni::Route& route : result.routes)
    if (route.dst.length == 0 && !route.gateway)
      route.gateway = kernel_route(route, result.ips, 0).gateway;
}

SandboxPlan plan_on_network(const std::string& ifname, const cni::Result& result, bool accept_ra) {
  SandboxPlan plan{.ifname = ifname,
                   .ips = {},
                   .routes = result.routes,
                   .dad = true,
                   .arp_notify = true,
                   .ndisc_notify = true,
                   .accept_ra = accept_ra};
  for (const cni::IpConfig& ip : result.ips)
    if (!ip.interface || static_cast<std::size_t>(*ip.interface) >= result.interfaces.size() ||
        result.interfaces[static_cast<std::size_t>(*ip.interface)].name == ifname)
      plan.ips.push_back(ip);
  return plan;
}

void configure(const base::Netns& netns, net::Netlink& sandbox, const net::Link& link,
               const SandboxPlan& plan) {
  const int index = link.index;
  // The kernel's own error would be "Invalid argument" for the address.
  if (has_v6(plan) && link.mtu < kLeastMtuV6)
    throw cni::Error(cni::Code::invalid_config,
                     "invalid mtu " + std::to_string(link.mtu) + ": must be at least " +
                         std::to_string(kLeastMtuV6) + " for pods with IPv6 addresses",
                     "set key mtu, or plumbd's mtu for this node");
  netns.run([&] { write_sysctls(plan); });
  const auto dad = plan.dad ? net::Dad::kernel_default : net::Dad::skip;
  net::Batch batch(sandbox);
  put_knobs(batch, index, plan);
  for (const cni::IpConfig& ip : plan.ips) net::put_address(batch, index, ip.address, dad);
  net::put_up(batch, index);
  if (plan.dad && has_v6(plan)) {
    batch.send();
    net::wait_dad(sandbox, netns, index, kDadMilliseconds);
  }
  // Two routes of a result can be the same route for the kernel: a default route of IPAM without
  // gateway, and the one that isDefaultGateway adds.
  for (const cni::Route& route : plan.routes)
    net::put_route(batch, kernel_route(route, plan.ips, index));
  batch.send();
}

void wait_usable(const base::Netns& netns, net::Netlink& sandbox, int index,
                 const SandboxPlan& plan) {
  for (const cni::IpConfig& ip : plan.ips)
    net::wait_local(sandbox, &netns, index, ip.address.address);
}

void wait_usable(net::Netlink& host, int index, const base::IpAddress& gateway) {
  net::wait_local(host, nullptr, index, gateway);
}

void verify(net::Netlink& sandbox, const net::Link& link, const SandboxPlan& plan) {
  const auto addresses = net::list_addresses(sandbox, link.index);
  for (const cni::IpConfig& ip : plan.ips)
    if (std::ranges::find(addresses, ip.address, &net::Address::prefix) == addresses.end())
      differs("Failed to match addr " + ip.address.text() + " on interface " + plan.ifname);
  if (plan.routes.empty()) return;
  auto routes = net::list_routes(sandbox, AF_INET);
  std::ranges::move(net::list_routes(sandbox, AF_INET6), std::back_inserter(routes));
  for (const cni::Route& asked : plan.routes) {
    const auto match = [&](const net::Route& found) { return serves(found, asked, link.index); };
    if (std::ranges::none_of(routes, match))
      differs("Expected Route " + asked.dst.text() + " not found in routing table");
  }
}

}  // namespace attach
