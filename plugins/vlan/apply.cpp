// SPDX-License-Identifier: Apache-2.0
#include "plugins/vlan/apply.h"

#include "libcni/attach/sandbox.h"
#include "libcni/net/upper_link.h"
#include "plugins/vlan/conf.h"

namespace vlan {

cni::Result add(const cni::Request& request) {
  return attach::add_upper(request, parse_conf(request).upper);
}

void remove(const cni::Request& request) {
  attach::remove_upper(request, "vlan");
}

void verify(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  net::Netlink sandbox(*request.sandbox);
  const net::Link link = attach::verify_upper(request, sandbox, conf.upper);
  const auto id = net::find_vlan_id(sandbox, link.index);
  if (id && *id != conf.id)
    attach::differs("vlan " + link.name + " has VLAN ID " + std::to_string(*id) + ", must be " +
                    std::to_string(conf.id));
}

void collect_garbage(const cni::Request& request) {
  attach::collect_upper_garbage(request);
}

void report_status(const cni::Request& request) {
  attach::report_upper_status(request, parse_conf(request).upper);
}

}  // namespace vlan
