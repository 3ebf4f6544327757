// SPDX-License-Identifier: Apache-2.0
#include "plugins/bgp/apply.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>

#include "libcni/attach/gc.h"
#include "libcni/attach/owner.h"
#include "libcni/attach/rules.h"
#include "libcni/base/failures.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/undo.h"
#include "libcni/fabric/desired.h"
#include "libcni/firewall/attachment_rules.h"
#include "libcni/net/address.h"
#include "libcni/net/neighbor.h"
#include "libcni/net/route.h"
#include "libcni/net/sysctl.h"
#include "libcni/plugin/delegate.h"
#include "plugins/bgp/plan.h"

namespace bgp {
namespace {

constexpr int kOperUp = 6;  // IF_OPER_UP of RFC 2863

/// The request that DEL and GC pass to IPAM. host-local releases without the ranges; another IPAM
/// plugin may ask for them. A missing or damaged file must not prevent a removal.
cni::Request make_removal_request(const cni::Request& request) {
  std::optional<nodes::NodeFile> node;
  base::Failures ignored;
  ignored.attempt([&] {
    node = nodes::find_node_file(nodes::parse_node_file_paths(request.config), cni::Code::internal);
  });
  return make_ipam_request(request, node);
}

/// The default routes of the pod's other interfaces.
std::vector<int> list_default_families(net::Netlink& sandbox) {
  std::vector<int> families;
  for (const int family : {AF_INET, AF_INET6}) {
    const auto routes = net::list_main_routes(sandbox, family, 0);
    if (std::ranges::any_of(routes, [](const net::Route& each) { return each.dst.length == 0; }))
      families.push_back(family);
  }
  return families;
}

/// Gives the pod a permanent neighbour entry for its gateway: no packet waits for an answer, and
/// none is lost where proxy ARP does not answer, as on a host without a default route. The host has
/// no such entry for the pod, because a chained plugin (tuning) may still change the pod's MAC
/// address.
void add_gateway_neighbors(const Plan& plan, net::Netlink& sandbox, int index) {
  net::Pipeline pipeline(sandbox, [](std::size_t, int errnum, const std::string& text) {
    base::throw_errno(
        "add the gateway's MAC address in the sandbox" + (text.empty() ? "" : ": " + text), errnum);
  });
  for (const int family : plan.families)
    net::put_neighbor(pipeline, index,
                      {.address = gateway_of(family),
                       .mac = gateway_mac(),
                       .protocol = fabric::kProtocolNeighbor});
  pipeline.flush();
}

/// The host end that has the route of `address` and belongs to a pod that lives.
std::optional<net::Link> find_holder(net::Netlink& host, const base::IpAddress& address) {
  const auto routes = net::find_main_routes(host, address.family(), [&](const net::Route& route) {
    return route.dst == base::host_prefix(address) && route.oif != 0;
  });
  for (const net::Route& route : routes) {
    auto link = net::find_link(host, route.oif);
    if (link && link->operstate == kOperUp && attach::names_owner(link->alias)) return link;
  }
  return std::nullopt;
}

/// Replaces the route to a former pod with this address whose host end has not disappeared yet. A
/// pod that lives would be cut off, also when this one is removed.
void add_host_route(net::Netlink& host, const base::IpAddress& address, int index) try {
  net::add_route(host, host_route(address, index), net::IfPresent::refuse);
} catch (const std::system_error& error) {
  if (error.code().value() != EEXIST) throw;
  if (const auto holder = find_holder(host, address))
    throw cni::Error(cni::Code::try_again_later,
                     "address " + address.text() + " belongs to another pod, attachment " +
                         json::quote(holder->alias) + " by link " + json::quote(holder->name),
                     "give this pod another address, or remove the other pod first");
  net::add_route(host, host_route(address, index), net::IfPresent::replace);
}

/// Makes the gateway answer ARP and neighbour solicitations too: of a virtual machine behind the
/// pod's interface, or of a pod whose MAC address was changed, upon which the kernel forgets all
/// neighbours. For IPv4 proxy ARP answers; for IPv6 the host's end has the address, which needs no
/// proxy entry and can be pinged.
void configure_host(const Plan& plan, net::Netlink& host, const net::Link& link) {
  for (const int family : plan.families) {
    if (family == AF_INET6) {
      attach::add_link_local(host, link, gateway_of(family));
      continue;
    }
    net::ensure_conf(link.name, "rp_filter", "1");
    net::try_write_sysctl("net/ipv4/conf/" + link.name + "/proxy_arp", "1");
    // A proxy waits up to 0.8 s before it answers, so that the real owner can answer first. Here no
    // other owner exists.
    net::try_write_sysctl("net/ipv4/neigh/" + link.name + "/proxy_delay", "0");
  }
  for (const base::IpAddress& address : plan.addresses) add_host_route(host, address, link.index);
}

/// The rules of an attachment with the host's end `host_end`.
firewall::AttachmentRules make_rules(const Conf& conf, const Plan& plan,
                                     const std::string& host_end) {
  firewall::AttachmentRules rules{.masquerade = plan.masquerade, .backend = conf.masq_backend};
  if (conf.spoof_check) rules.source_check = attach::pod_link(host_end, plan.sandbox.ips);
  return rules;
}

/// Returns whether the attachment still exists. If it does not, its leftovers are removed as by
/// DEL: its rules would apply to the next pod that gets the address.
bool lives(net::Netlink& host, const cni::Request& request) {
  if (attach::has_host_end(host, attach::owner_of(request))) return true;
  remove(request);
  return false;
}

}  // namespace

cni::Result add(const cni::Request& request) {
  const auto node = find_node(request, cni::Code::try_again_later);
  const Conf conf = parse_conf(request, node);
  const cni::Request ipam_request = make_ipam_request(request, node);
  const cni::Ipam ipam(ipam_request);
  net::Netlink host;
  net::Netlink sandbox(*request.sandbox);
  // Checked before IPAM runs, so that a second ADD never disturbs the address of the first.
  attach::require_free_name(sandbox, request.ifname);

  base::Undo undo;
  cni::Result result = ipam.add([&] { return lives(host, request); });
  undo.add("release the address", [&ipam] { ipam.del(); });
  result = complete_result(conf, std::move(result), list_default_families(sandbox));
  const Plan plan = make_plan(conf, request, result);
  for (const int family : plan.families) net::enable_forwarding(host, family);

  const auto pair = attach::add_veth_pair(host, *request.sandbox, sandbox, plan.veth);
  undo.add("delete link \"" + pair.host.name + "\"",
           [&, index = pair.host.index] { net::remove_link(host, index); });
  attach::add_rules(undo, attach::owner_of(request), make_rules(conf, plan, pair.host.name));
  attach::configure(*request.sandbox, sandbox, pair.container, plan.sandbox);
  add_gateway_neighbors(plan, sandbox, pair.container.index);
  configure_host(plan, host, pair.host);
  for (const int family : plan.families)
    attach::wait_usable(host, pair.host.index, gateway_of(family));
  attach::wait_usable(*request.sandbox, sandbox, pair.container.index, plan.sandbox);
  result.interfaces = {attach::describe(pair.host, ""),
                       attach::describe(pair.container, request.netns)};
  undo.commit();
  return result;
}

void remove(const cni::Request& request) {
  base::Failures failures;
  std::optional<nft::Nft> nft;
  // Rules go first: the kernel lets go of them while the link is being removed (Nft::settle). Their
  // elements have the prefix lengths of the node's ranges, which are not in the result.
  failures.attempt([&] {
    firewall::remove_attachment_rules(nft, attach::owner_of(request), {},
                                      attach::find_pod_link(request.prev_result, false));
  });
  // The link goes before its address: no pod may still answer for it when another pod gets it. Its
  // routes go with it.
  failures.attempt([&] {
    attach::remove_veth_pair(request.sandbox, attach::owner_of(request), request.prev_result);
  });
  failures.attempt([&] {
    const cni::Request ipam_request = make_removal_request(request);
    cni::Ipam(ipam_request).del();
  });
  failures.report();
}

void collect_garbage(const cni::Request& request) {
  attach::collect_garbage(request.network, request.valid_attachments, request.began, [&] {
    const cni::Request ipam_request = make_removal_request(request);
    cni::Ipam(ipam_request).gc();
  });
}

void report_status(const cni::Request& request) {
  const auto node = find_node(request, cni::Code::not_available);
  if (parse_conf(request, node).spoof_check) attach::require_source_checks();
  const cni::Request ipam_request = make_ipam_request(request, node);
  cni::Ipam(ipam_request).status();
}

}  // namespace bgp
