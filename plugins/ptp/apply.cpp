// SPDX-License-Identifier: Apache-2.0
#include "plugins/ptp/apply.h"

#include <algorithm>
#include <optional>

#include "libcni/attach/gc.h"
#include "libcni/attach/owner.h"
#include "libcni/attach/rules.h"
#include "libcni/base/failures.h"
#include "libcni/base/undo.h"
#include "libcni/firewall/attachment_rules.h"
#include "libcni/net/address.h"
#include "libcni/net/batch.h"
#include "libcni/net/route.h"
#include "libcni/net/sysctl.h"
#include "libcni/plugin/delegate.h"
#include "plugins/ptp/plan.h"

namespace ptp {
namespace {

cni::Ipam require_ipam(const cni::Request& request) {
  cni::Ipam ipam(request);
  if (!ipam.configured())
    throw cni::Error(cni::Code::invalid_config, "no plugin name provided",
                     "ptp needs addresses: configure ipam.type");
  return ipam;
}

/// Routes packets to all addresses through the gateway, also those of the same subnet.
void configure_sandbox(const Plan& plan, const base::Netns& netns, net::Netlink& sandbox,
                       const net::Link& link) {
  attach::configure(netns, sandbox, link, plan.sandbox);
  net::Batch batch(sandbox);
  for (const Leg& leg : plan.legs) {
    net::remove_route(batch, connected_route(leg, link.index));
    for (const net::Route& route : sandbox_routes(leg, link.index)) net::put_route(batch, route);
  }
  batch.send();
}

void configure_host(const Plan& plan, net::Netlink& host, const net::Link& link) {
  net::Batch batch(host);
  if (std::ranges::any_of(plan.legs, [](const Leg& leg) { return !leg.gateway.is_v4(); }))
    attach::put_link_local(batch, link);
  for (const Leg& leg : plan.legs) {
    net::put_missing_address(batch, link.index, base::host_prefix(leg.gateway));
    net::put_route(batch, host_route(leg, link.index));
  }
  batch.send();
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
  const Conf conf = parse_conf(request);
  const cni::Ipam ipam = require_ipam(request);
  net::Netlink host;
  net::Netlink sandbox(*request.sandbox);
  // Checked before IPAM runs, so that a second ADD never disturbs the address of the first.
  attach::require_free_name(sandbox, request.ifname);

  base::Undo undo;
  cni::Result result = ipam.add([&] { return lives(host, request); });
  undo.add("release the address", [&ipam] { ipam.del(); });
  result = complete_result(conf, std::move(result));
  const Plan plan = make_plan(conf, request, result);
  for (const Leg& leg : plan.legs) net::enable_forwarding(host, leg.address.address.family());

  const auto pair = attach::add_veth_pair(host, *request.sandbox, sandbox, plan.veth);
  undo.add("delete link \"" + pair.host.name + "\"",
           [&, index = pair.host.index] { net::remove_link(host, index); });
  attach::add_rules(undo, attach::owner_of(request), make_rules(conf, plan, pair.host.name));
  configure_sandbox(plan, *request.sandbox, sandbox, pair.container);
  configure_host(plan, host, pair.host);
  for (const Leg& leg : plan.legs) attach::wait_usable(host, pair.host.index, leg.gateway);
  attach::wait_usable(*request.sandbox, sandbox, pair.container.index, plan.sandbox);
  result.interfaces = {attach::describe(pair.host, ""),
                       attach::describe(pair.container, request.netns)};
  undo.commit();
  return result;
}

void remove(const cni::Request& request) {
  base::Failures failures;
  std::optional<nft::Nft> nft;
  // Rules go first: the kernel lets go of them while the link is being removed (Nft::settle).
  failures.attempt([&] {
    firewall::remove_attachment_rules(nft, attach::owner_of(request),
                                      attach::addresses_of(request.prev_result),
                                      attach::find_pod_link(request.prev_result, false));
  });
  // The link goes before its address: no pod may still answer for it when another pod gets it.
  failures.attempt([&] {
    attach::remove_veth_pair(request.sandbox, attach::owner_of(request), request.prev_result);
  });
  failures.attempt([&] { cni::Ipam(request).del(); });
  failures.report();
}

void collect_garbage(const cni::Request& request) {
  attach::collect_garbage(request.network, request.valid_attachments, request.began,
                          [&] { cni::Ipam(request).gc(); });
}

void report_status(const cni::Request& request) {
  if (parse_conf(request).spoof_check) attach::require_source_checks();
  require_ipam(request).status();
}

void require_usable(const cni::Request& request) {
  parse_conf(request);
  require_ipam(request);
}

}  // namespace ptp
