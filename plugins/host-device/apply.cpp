// SPDX-License-Identifier: Apache-2.0
#include "plugins/host-device/apply.h"

#include "libcni/attach/sandbox.h"
#include "libcni/attach/veth.h"
#include "libcni/base/failures.h"
#include "libcni/base/undo.h"
#include "libcni/json/result.h"
#include "libcni/net/move.h"
#include "libcni/plugin/delegate.h"
#include "libcni/plugin/prev_result.h"
#include "plugins/host-device/conf.h"
#include "plugins/host-device/device.h"
#include "plugins/host-device/own_device.h"

namespace host_device {
namespace {

net::Link get_device(net::Netlink& host, const Conf& conf) {
  if (auto device = find_device(host, conf)) return *std::move(device);
  throw cni::Error(cni::Code::invalid_config,
                   conf.device.empty() && conf.mac
                       ? "failed to find host device: failed to find physical interface"
                       : "failed to find host device: Link not found",
                   "the host does not have the link; a pod may have it");
}

/// The device in the sandbox after a move that may have ended half way: the kernel moves a link
/// before it renames it. Nothing when it is still on the host.
std::optional<net::Link> find_moved(net::Netlink& sandbox, const net::Link& device,
                                    const std::string& ifname) {
  net::Netlink host;
  if (const auto same = net::find_link(host, device.index); same && same->name == device.name)
    return std::nullopt;
  for (const std::string& name : {ifname, device.name}) {
    auto link = net::find_link(sandbox, name);
    const std::string& alias = name == ifname ? device.name : device.alias;
    if (link && link->alias == alias && link->mac == device.mac) return link;
  }
  return std::nullopt;
}

/// Moves the device into the sandbox. The undo step is registered first, because the kernel may
/// move it although its answer is lost.
net::Link take(const cni::Request& request, const Conf& conf, net::Netlink& sandbox,
               base::Undo& undo) {
  net::Netlink host;
  const net::Link device = get_device(host, conf);
  undo.add("move link \"" + device.name + "\" back", [&sandbox, device, &request] {
    if (const auto moved = find_moved(sandbox, device, request.ifname))
      net::move_link(sandbox, *moved, base::Netns::current(),
                     {.name = device.name, .alias = device.alias, .up = device.up});
  });
  net::move_link(host, device, *request.sandbox, {.name = request.ifname, .alias = device.name});
  return net::get_link(sandbox, request.ifname);
}

/// The pod uses the device by its own driver and finds its addresses in the result.
cni::Result add_without_link(const cni::Request& request, const Conf& conf, const cni::Ipam& ipam) {
  cni::Result result;
  if (ipam.configured()) result = ipam.add();
  result.interfaces = {{.name = request.ifname,
                        .mac = "",
                        .sandbox = request.netns,
                        .pci_id = get_pci_device(conf)}};
  for (cni::IpConfig& ip : result.ips) ip.interface = 0;
  if (conf.dns) result.dns = *conf.dns;
  return result;
}

void require_name_on_host(net::Netlink& host, const OwnDevice& device) {
  if (!net::find_link(host, device.former_name)) return;
  throw cni::Error(cni::Code::internal,
                   "device " + device.link.name +
                       " cannot get its former name: the host has a link \"" + device.former_name +
                       "\"",
                   "rename that link, then repeat DEL");
}

void give_former_name(net::Netlink& host, const OwnDevice& device) {
  require_name_on_host(host, device);
  net::rename_link(host, device.link, {.name = device.former_name, .alias = ""});
}

/// In one request, so that a crash cannot leave the device without its former name. Readers of
/// events see its name in the pod for a moment.
void bring_back(net::Netlink& host, net::Netlink& sandbox, const OwnDevice& device) {
  require_name_on_host(host, device);
  net::move_link(sandbox, device.link, base::Netns::current(),
                 {.name = device.former_name, .alias = ""});
}

void return_device(const cni::Request& request, const Conf& conf) {
  net::Netlink host;
  const DeviceSearch search(host, request, conf);
  if (request.sandbox) {
    net::Netlink sandbox(*request.sandbox);
    if (const auto device = search.find_in(sandbox)) return bring_back(host, sandbox, *device);
  }
  if (const auto device = search.find_returned()) give_former_name(host, *device);
}

/// DEL and GC work with a configuration that ADD would refuse.
Conf find_hints(const cni::Request& request) try {
  return parse_conf(request);
} catch (const cni::Error&) {
  return {};
}

}  // namespace

cni::Result add(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  require_device(conf);
  const cni::Ipam ipam(request);
  if (!ipam.configured()) json::require_expressible({}, request.version);
  if (is_for_user_space(conf)) return add_without_link(request, conf, ipam);
  net::Netlink sandbox(*request.sandbox);
  attach::require_free_name(sandbox, request.ifname);

  base::Undo undo;
  const net::Link link = take(request, conf, sandbox, undo);
  cni::Result result;
  if (ipam.configured()) {
    result = ipam.add([] { return false; });  // the device was on the host: it had no pod
    undo.add("release the address", [&ipam] { ipam.del(); });
  }
  result.interfaces = {attach::describe(link, request.netns)};
  result.interfaces[0].pci_id = get_pci_device(conf);
  for (cni::IpConfig& ip : result.ips) ip.interface = 0;
  attach::name_default_gateways(result);
  if (conf.dns) result.dns = *conf.dns;
  const auto plan = attach::plan_on_network(request.ifname, result, conf.accept_ra);
  attach::configure(*request.sandbox, sandbox, link, plan);
  attach::wait_usable(*request.sandbox, sandbox, link.index, plan);
  undo.commit();
  return result;
}

void remove(const cni::Request& request) {
  const Conf conf = find_hints(request);
  base::Failures failures;
  const auto release = [&] { cni::Ipam(request).del(); };
  const bool releases_first = cni::ipam_uses_link(request);
  if (releases_first) failures.attempt(release);
  failures.attempt([&] { return_device(request, conf); });
  if (!releases_first) failures.attempt(release);
  failures.report();
}

void verify(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  require_device(conf);
  const cni::Result& result = cni::require_prev_result(request);
  const cni::Ipam ipam(request);
  if (ipam.configured()) ipam.check();
  if (is_for_user_space(conf)) return;
  const cni::Interface& known = cni::require_sandbox_interface(request);
  net::Netlink sandbox(*request.sandbox);
  const net::Link link = attach::verify_link(sandbox, known, std::nullopt);
  if (link.alias.empty())
    attach::differs("link " + link.name + " has no alias, which is its name on the host");
  attach::verify(sandbox, link, attach::plan_on_network(request.ifname, result, conf.accept_ra));
}

void collect_garbage(const cni::Request& request) {
  const Conf conf = find_hints(request);
  base::Failures failures;
  failures.attempt([&] {
    net::Netlink host;
    if (const auto device = DeviceSearch(host, request, conf).find_returned())
      give_former_name(host, *device);
  });
  failures.attempt([&] { cni::Ipam(request).gc(); });
  failures.report();
}

void report_status(const cni::Request& request) {
  require_folder(parse_conf(request), cni::Code::not_available);
  const cni::Ipam ipam(request);
  if (ipam.configured()) ipam.status();
}

}  // namespace host_device
