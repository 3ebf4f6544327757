// SPDX-License-Identifier: Apache-2.0
#include "ipam/static/delegate.h"

#include <algorithm>

#include "ipam/static/conf.h"

namespace ipam_static {
namespace {

/// An address that a later plugin took out of the result is not our failure (S-182); one that is
/// there must still have the gateway it was given.
void check(const cni::Request& request) {
  const cni::Result& there = cni::require_prev_result(request);
  for (const cni::IpConfig& ours : parse_result(request).ips) {
    const auto matches = [&](const cni::IpConfig& ip) { return ip.address == ours.address; };
    const auto found = std::ranges::find_if(there.ips, matches);
    if (found != there.ips.end() && found->gateway != ours.gateway && ours.gateway)
      throw cni::Error(cni::Code::internal, "static: Failed to match addr " + ours.address.text() +
                                                " on interface " + request.ifname);
  }
}

void status(const cni::Request& request) {
  parse_result_without_args(request);
}

}  // namespace

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{
      .name = "static", .add = parse_result, .check = check, .status = status};
  return kPlugin;
}

}  // namespace ipam_static
