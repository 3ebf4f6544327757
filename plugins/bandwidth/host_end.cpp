// SPDX-License-Identifier: Apache-2.0
#include "plugins/bandwidth/host_end.h"

#include <algorithm>

namespace bandwidth {
namespace {

[[noreturn]] void refuse(const std::string& message, const std::string& details) {
  throw cni::Error(cni::Code::invalid_config, message, details);
}

net::Link get_pod_end(const cni::Request& request) {
  net::Netlink sandbox(*request.sandbox);
  const std::string& name = request.ifname;
  const auto link = net::find_link(sandbox, name);
  if (!link)
    refuse("container interface " + name + " has no veth peer: could not look up \"" + name +
               "\": Link not found",
           "the plugin before bandwidth in the list must make the interface");
  if (link->kind != "veth")
    refuse(
        "container interface " + name + " has no veth peer: interface \"" + name +
            "\" was not a veth interface",
        "bandwidth needs a plugin before it that makes a veth pair, such as bridge or ptp; found "
        "\"" +
            link->kind + "\"");
  return *link;
}

}  // namespace

net::Link get_host_end(net::Netlink& host, const cni::Request& request) {
  const cni::Result& result = cni::require_prev_result(request);
  if (result.interfaces.empty())
    refuse("no interfaces provided", "prevResult must list the ends of the pod's veth pair");
  const net::Link pod_end = get_pod_end(request);
  const auto end = net::find_link(host, pod_end.peer_index);
  if (!end)
    refuse(
        "veth peer with index " + std::to_string(pod_end.peer_index) + " is not in host ns",
        "bandwidth shapes at the other end of " + request.ifname + ", which must be on this host");
  const bool is_pair = end->kind == "veth" && end->peer_index == pod_end.index;
  // An end in a third namespace can have the index of a link of the host: prevResult decides.
  const auto is_listed = [&](const cni::Interface& interface) {
    return interface.sandbox.empty() && interface.name == end->name;
  };
  if (!is_pair || std::ranges::none_of(result.interfaces, is_listed))
    refuse("no veth peer of container interface found in host ns",
           "prevResult must list the other end of " + request.ifname + " without a sandbox");
  return *end;
}

}  // namespace bandwidth
