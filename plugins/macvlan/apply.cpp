// SPDX-License-Identifier: Apache-2.0
#include "plugins/macvlan/apply.h"

#include "libcni/attach/sandbox.h"
#include "libcni/net/upper_link.h"
#include "plugins/macvlan/conf.h"

namespace macvlan {

cni::Result add(const cni::Request& request) {
  return attach::add_upper(request, parse_conf(request).upper);
}

void remove(const cni::Request& request) {
  attach::remove_upper(request, "macvlan");
}

void verify(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  net::Netlink sandbox(*request.sandbox);
  const net::Link link = attach::verify_upper(request, sandbox, conf.upper);
  const auto mode = net::find_macvlan_mode(sandbox, link.index);
  if (mode && *mode != conf.mode)
    attach::differs("macvlan " + link.name + " has mode " + name_of(*mode) + ", must be " +
                    name_of(conf.mode));
}

void collect_garbage(const cni::Request& request) {
  attach::collect_upper_garbage(request);
}

void report_status(const cni::Request& request) {
  attach::report_upper_status(request, parse_conf(request).upper);
}

}  // namespace macvlan
