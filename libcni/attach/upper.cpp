// SPDX-License-Identifier: Apache-2.0
#include "libcni/attach/upper.h"

#include <sys/socket.h>

#include <algorithm>

#include "libcni/attach/owner.h"
#include "libcni/attach/sandbox.h"
#include "libcni/attach/veth.h"
#include "libcni/base/failures.h"
#include "libcni/base/names.h"
#include "libcni/base/undo.h"
#include "libcni/json/result.h"
#include "libcni/net/route.h"
#include "libcni/net/upper_link.h"
#include "libcni/plugin/conf.h"
#include "libcni/plugin/delegate.h"
#include "libcni/plugin/prev_result.h"

namespace attach {
namespace {

/// The link of the first default route, IPv4 before IPv6, with the lowest metric.
std::optional<int> find_default_link(net::Netlink& where) {
  for (const int family : {AF_INET, AF_INET6}) {
    auto routes = net::list_main_routes(where, family, 0);
    std::erase_if(routes, [](const net::Route& r) { return r.dst.length != 0 || r.blackhole; });
    const auto best = std::ranges::min_element(routes, {}, &net::Route::priority);
    if (best != routes.end()) return net::hops_of(*best).front().oif;
  }
  return std::nullopt;
}

/// The namespace in which the master is looked up.
class MasterSide {
 public:
  MasterSide(net::Netlink& sandbox, const Upper& upper) : sandbox_(sandbox) {
    if (!upper.master_in_sandbox) host_.emplace();
  }
  net::Netlink& socket() { return host_ ? *host_ : sandbox_; }

 private:
  net::Netlink& sandbox_;
  std::optional<net::Netlink> host_;
};

std::optional<net::Link> find_master(net::Netlink& where, const Upper& upper) {
  if (!upper.master.empty()) return net::find_link(where, upper.master);
  const auto index = find_default_link(where);
  return index ? net::find_link(where, *index) : std::nullopt;
}

net::Link get_master(net::Netlink& where, const Upper& upper, cni::Code when_missing) {
  auto master = find_master(where, upper);
  if (master) return *std::move(master);
  const std::string place = upper.master_in_sandbox ? "in the sandbox" : "on the host";
  if (upper.master.empty())
    throw cni::Error(when_missing, "no default route interface found",
                     "key master names the link " + place + " to use");
  throw cni::Error(when_missing, "failed to lookup master \"" + upper.master + "\": Link not found",
                   "key master names a link " + place);
}

void require_mtu(const Upper& upper, const net::Link& master) {
  if (upper.mtu && *upper.mtu > master.mtu)
    throw cni::Error(cni::Code::invalid_config,
                     "invalid MTU " + std::to_string(*upper.mtu) + ", must be [0, master MTU(" +
                         std::to_string(master.mtu) + ")]",
                     "key mtu");
}

/// The link of this attachment, also under another name.
std::optional<net::Link> find_own_link(net::Netlink& sandbox, const std::string& alias) {
  for (net::Link& link : net::list_links(sandbox))
    if (is_own(link, alias)) return std::move(link);
  return std::nullopt;
}

void remove_own_link(net::Netlink& sandbox, const std::string& alias) {
  if (const auto link = find_own_link(sandbox, alias)) net::remove_link(sandbox, link->index);
}

/// Creates the link under a random name and renames it in the sandbox: Linux 6.1 refuses a name
/// that a link of the host has (6.18 does not).
net::Link create_on_master(const cni::Request& request, const Upper& upper, net::Netlink& sandbox,
                           const std::string& alias) {
  MasterSide side(sandbox, upper);
  const net::Link master = get_master(side.socket(), upper, cni::Code::invalid_config);
  require_mtu(upper, master);
  const std::string temporary = base::random_veth_name();
  net::add_upper_link(side.socket(), *request.sandbox,
                      {.name = temporary,
                       .kind = upper.kind,
                       .lower = master.index,
                       .group = mark_of(alias),
                       .mtu = upper.mtu,
                       .mac = upper.mac,
                       .put_data = upper.put_data});
  net::Link link = net::get_link(sandbox, temporary);
  net::name_link(sandbox, link.index, request.ifname, alias);
  link.name = request.ifname;
  return link;
}

/// The undo step is registered first, because the kernel may create the link although its answer is
/// lost.
net::Link create(const cni::Request& request, const Upper& upper, net::Netlink& sandbox,
                 base::Undo& undo) {
  const std::string alias = alias_of(owner_of(request));
  undo.add("delete link \"" + request.ifname + "\"",
           [&sandbox, alias] { remove_own_link(sandbox, alias); });
  if (upper.make_link) return upper.make_link(sandbox, request.ifname, alias);
  return create_on_master(request, upper, sandbox, alias);
}

/// The link of an attachment that the reference made, which has no alias.
bool is_of_reference(const net::Link& link, const cni::Request& request) {
  if (names_owner(link.alias) || link.name != request.ifname) return false;
  if (!request.prev_result || !link.mac) return true;
  return std::ranges::none_of(request.prev_result->interfaces,
                              [&](const cni::Interface& interface) {
                                return interface.name == link.name && !interface.mac.empty() &&
                                       base::Mac::parse(interface.mac) != link.mac;
                              });
}

SandboxPlan plan_of(const cni::Request& request, const Upper& upper, const cni::Result& result) {
  SandboxPlan plan = plan_on_network(request.ifname, result, upper.accept_ra);
  plan.dad = plan.ndisc_notify = upper.reach == Reach::network;
  plan.arp_notify = upper.reach != Reach::nothing;
  return plan;
}

}  // namespace

Upper parse_upper(const cni::Request& request, const std::string& kind) {
  const json::Object& config = request.config;
  Upper upper{.kind = kind,
              .master = config.get_string("master"),
              .master_in_sandbox = config.get_bool("linkInContainer"),
              .mtu = cni::find_mtu(config),
              .accept_ra = config.get_bool("acceptRa", true),
              .dns = cni::find_dns(config)};
  if (!upper.master.empty()) cni::require_ifname(config, "master", upper.master);
  return upper;
}

cni::Result add_upper(const cni::Request& request, const Upper& upper,
                      const GetAddresses& get_addresses) {
  const cni::Ipam ipam(request);
  if (!get_addresses && !ipam.configured()) json::require_expressible({}, request.version);
  net::Netlink sandbox(*request.sandbox);
  require_free_name(sandbox, request.ifname);
  if (find_own_link(sandbox, alias_of(owner_of(request))))
    throw cni::Error(cni::Code::internal,
                     "the sandbox has the link of this attachment, under another name",
                     "run DEL of the attachment first");

  base::Undo undo;
  const net::Link link = create(request, upper, sandbox, undo);
  cni::Result result;
  if (get_addresses) {
    result = get_addresses();
  } else if (ipam.configured()) {
    result = ipam.add([] { return false; });  // the sandbox has no link of this attachment
    undo.add("release the address", [&ipam] { ipam.del(); });
  }
  result.interfaces = {describe(link, request.netns)};
  for (cni::IpConfig& ip : result.ips) ip.interface = 0;
  name_default_gateways(result);
  if (upper.dns) result.dns = *upper.dns;
  const SandboxPlan plan = plan_of(request, upper, result);
  configure(*request.sandbox, sandbox, link, plan);
  wait_usable(*request.sandbox, sandbox, link.index, plan);
  undo.commit();
  return result;
}

void remove_upper(const cni::Request& request, const std::string& kind) {
  base::Failures failures;
  const auto release = [&] { cni::Ipam(request).del(); };
  const bool releases_first = cni::ipam_uses_link(request);
  if (releases_first) failures.attempt(release);
  failures.attempt([&] {
    if (!request.sandbox) return;
    net::Netlink sandbox(*request.sandbox);
    const std::string alias = alias_of(owner_of(request));
    for (const net::Link& link : net::list_links(sandbox))
      if (link.kind == kind && (is_own(link, alias) || is_of_reference(link, request)))
        net::remove_link(sandbox, link.index);
  });
  if (!releases_first) failures.attempt(release);
  failures.report();
}

net::Link verify_upper(const cni::Request& request, net::Netlink& sandbox, const Upper& upper) {
  const cni::Result& result = cni::require_prev_result(request);
  const cni::Ipam ipam(request);
  if (ipam.configured()) ipam.check();
  net::Link link = verify_link(sandbox, cni::require_sandbox_interface(request), upper.kind);
  // The default route may lead elsewhere by now, which changes nothing for this attachment.
  if (!upper.master.empty()) {
    MasterSide side(sandbox, upper);
    const auto master = find_master(side.socket(), upper);
    if (!master) differs("master " + upper.master + " of " + link.name + " does not exist");
    // The kernel puts a macvlan on a macvlan beside it, on the same lower link, but not a VLAN.
    const bool is_beside =
        upper.kind != "vlan" && master->kind == upper.kind && master->peer_index == link.peer_index;
    if (master->index != link.peer_index && !is_beside)
      differs("link " + link.name + " lies on another link than " + upper.master);
  }
  verify(sandbox, link, plan_of(request, upper, result));
  return link;
}

void collect_upper_garbage(const cni::Request& request) {
  cni::Ipam(request).gc();
}

void report_upper_status(const cni::Request& request, const Upper& upper, bool needs_master) {
  if (needs_master && !upper.master_in_sandbox) {
    net::Netlink host;
    get_master(host, upper, cni::Code::not_available);
  }
  const cni::Ipam ipam(request);
  if (ipam.configured()) ipam.status();
}

}  // namespace attach
