// SPDX-License-Identifier: Apache-2.0
#include "ipam/static/plugin.h"

#include <algorithm>

#include "ipam/static/conf.h"

namespace ipam_static {
namespace {

/// CHECK: at least one configured address must be in prevResult, and a gateway that is given there
/// must be the configured one. Later plugins may remove an address or, as bgp does, its subnet and
/// gateway; that is not an error.
void check(const cni::Request& request) {
  const cni::Result& there = cni::require_prev_result(request);
  const cni::Result ours = parse_result(request);
  bool any = ours.ips.empty();
  for (const cni::IpConfig& ip : ours.ips) {
    const auto found = std::ranges::find_if(there.ips, [&](const cni::IpConfig& each) {
      return each.address.address == ip.address.address;
    });
    if (found == there.ips.end()) continue;
    any = true;
    if (ip.gateway && found->gateway && found->gateway != ip.gateway)
      throw cni::Error(cni::Code::internal, "static: Failed to match addr " + ip.address.text() +
                                                " on interface " + request.ifname);
  }
  if (!any)
    throw cni::Error(cni::Code::internal,
                     "static: none of the configured addresses is in prevResult",
                     "the first is " + ours.ips.front().address.text());
}

void status(const cni::Request& request) {
  parse_result_without_args(request);
}

}  // namespace

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{.name = "static",
                                   .add = parse_result,
                                   .check = check,
                                   .status = status,
                                   .parse = status,
                                   .keys = kKeys,
                                   .opens_sandbox = false};
  return kPlugin;
}

}  // namespace ipam_static
