// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipvlan/apply.h"

#include "libcni/attach/sandbox.h"
#include "plugins/ipvlan/conf.h"

namespace ipvlan {

cni::Result add(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  if (!conf.takes_addresses) return attach::add_upper(request, conf.upper);
  return attach::add_upper(request, conf.upper, [&] { return *request.prev_result; });
}

void remove(const cni::Request& request) {
  attach::remove_upper(request, "ipvlan");
}

void verify(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  net::Netlink sandbox(*request.sandbox);
  const net::Link link = attach::verify_upper(request, sandbox, conf.upper);
  const auto mode = net::find_ipvlan_mode(sandbox, link.index);
  if (mode && *mode != conf.mode)
    attach::differs("ipvlan " + link.name + " has mode " + name_of(*mode) + ", must be " +
                    name_of(conf.mode));
}

void collect_garbage(const cni::Request& request) {
  attach::collect_upper_garbage(request);
}

void report_status(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  // In a list, the plugin before names the master on ADD.
  attach::report_upper_status(request, conf.upper, !conf.upper.master.empty());
}

}  // namespace ipvlan
