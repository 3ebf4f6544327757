// SPDX-License-Identifier: Apache-2.0
#include "plugins/bandwidth/apply.h"

#include <algorithm>
#include <system_error>

#include "libcni/attach/veth.h"
#include "plugins/bandwidth/host_end.h"
#include "plugins/bandwidth/ifb.h"
#include "plugins/bandwidth/shaper.h"

namespace bandwidth {

cni::Result add(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  cni::Result result = cni::require_prev_result(request);
  if (conf == Conf{}) return result;
  net::Netlink host;
  const net::Link end = get_host_end(host, request);
  const Plan plan = make_plan(conf, net::ticks_per_microsecond());
  const auto ifb = shape(host, end, attach::owner_of(request), plan);
  if (ifb && std::ranges::find(result.interfaces, ifb->name, &cni::Interface::name) ==
                 result.interfaces.end())
    result.interfaces.push_back(attach::describe(*ifb, ""));
  return result;
}

void remove(const cni::Request& request) {
  remove_ifbs(request);
}

void verify(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  cni::require_prev_result(request);
  if (conf == Conf{}) return;
  net::Netlink host;
  verify_shape(host, get_host_end(host, request), attach::owner_of(request), conf);
}

void collect_garbage(const cni::Request& request) {
  collect_ifbs(request);
}

void report_status(const cni::Request& request) {
  parse_conf(request);
  try {
    try_shape();
  } catch (const std::system_error& error) {
    throw cni::Error(
        cni::Code::not_available, error.what(),
        "the kernel needs the modules sch_tbf, sch_ingress, cls_u32, act_mirred and ifb");
  }
}

}  // namespace bandwidth
