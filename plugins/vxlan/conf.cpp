// SPDX-License-Identifier: Apache-2.0
#include "plugins/vxlan/conf.h"

#include <algorithm>
#include <map>

#include "libcni/nodes/node_list.h"
#include "libcni/nodes/split.h"
#include "libcni/plugin/conf.h"
#include "libcni/plugin/delegate.h"

namespace vxlan {
namespace {

constexpr std::int64_t kLastVni = 0xffffff;
constexpr std::int64_t kLastPort = 0xffff;

std::vector<base::Prefix> parse_ranges(const json::Object& config, const char* key) {
  std::vector<base::Prefix> ranges;
  for (const auto& text : config.find_strings(key).value_or(std::vector<std::string>{}))
    ranges.push_back(nodes::parse_range(key, text));
  return ranges;
}

/// Reads one address, or one of each family separated by a comma.
std::vector<base::IpAddress> parse_local(const json::Object& config) {
  std::vector<base::IpAddress> local;
  const std::string text = config.get_string("localAddress");
  if (text.empty()) return local;
  for (const std::string_view each : nodes::split(text, ',')) {
    const auto address = base::IpAddress::parse(each);
    if (!address || !address->is_global_unicast() ||
        (!local.empty() && local[0].family() == address->family()))
      config.refuse("localAddress", "an address of this node, or one of each family with a comma");
    local.push_back(*address);
  }
  return local;
}

std::int64_t parse_number(const json::Object& config, const char* key, std::int64_t otherwise,
                          std::int64_t last) {
  const auto number = config.find_int(key).value_or(otherwise);
  if (number < 1 || number > last) config.refuse(key, "1 to " + std::to_string(last));
  return number;
}

fabric::Options parse_options(const cni::Request& request) {
  const json::Object& config = request.config;
  fabric::Options options;
  const auto backend = fabric::find_backend(config.get_string("backend", "vxlan"));
  if (!backend || *backend == fabric::Backend::bgp)
    config.refuse("backend", "vxlan, auto or host-gw");
  options.backend = *backend;
  options.vni = static_cast<std::uint32_t>(parse_number(config, "vni", 1, kLastVni));
  options.port = static_cast<std::uint16_t>(parse_number(config, "port", 4789, kLastPort));
  options.mtu = cni::find_mtu(config).value_or(0);
  // plumbd's device is plumb-vxlan; a node can have several networks, so the name depends on the
  // VNI.
  options.device = "plumb." + std::to_string(options.vni);
  options.cluster_ranges =
      parse_ranges(config, config.has("clusterRanges") ? "clusterRanges" : "network");
  options.masquerade = config.get_bool("ipMasq", true);
  return options;
}

void refuse_contradictions(const Conf& conf, const json::Object& config) {
  if (conf.alone && conf.bridge == conf.options.device)
    config.refuse("bridge", "another name than the tunnel's device has");
  if (conf.mode != Mode::l2) return;
  if (!conf.alone) config.refuse("mode", "l3 with plumbd: l2 needs peers or peersFile");
  if (conf.pod_interface != "bridge") config.refuse("podInterface", "bridge in mode l2");
  if (conf.options.backend != fabric::Backend::vxlan) config.refuse("backend", "vxlan in mode l2");
}

std::string to_text(bool value) {
  return value ? "true" : "false";
}

/// The ranges from which new pods do not get addresses.
std::vector<base::Prefix> later_ranges(const PodSide& side) {
  const std::vector<base::Prefix>& ranges = side.ranges;
  std::vector<base::Prefix> later = side.former;
  for (auto at = ranges.begin(); at != ranges.end(); ++at)
    if (std::any_of(ranges.begin(), at, [&](const base::Prefix& earlier) {
          return earlier.address.is_v4() == at->address.is_v4();
        }))
      later.push_back(*at);
  return later;
}

std::string to_text(const std::vector<base::Prefix>& ranges) {
  std::string text;
  for (const base::Prefix& range : ranges)
    text += (text.empty() ? "[" : ",") + json::quote(range.text());
  return text + "]";
}

/// host-local with the node's ranges, and a default route through the gateway of each.
std::string make_ipam(const json::Object& config, const std::vector<base::Prefix>& ranges) {
  const json::Object ipam = config.get_object("ipam");
  const std::string text = nodes::make_ipam(ipam, ranges);
  if (ipam.has("routes")) return text;
  std::string routes;
  for (const bool v4 : {true, false})
    if (std::ranges::any_of(ranges, [&](const auto& range) { return range.address.is_v4() == v4; }))
      routes += std::string(routes.empty() ? "" : ",") + R"({"dst":")" +
                (v4 ? "0.0.0.0/0" : "::/0") + R"("})";
  return json::Object::parse(text, "ipam").text_with({{"routes", "[" + routes + "]"}});
}

}  // namespace

std::string all_keys() {
  std::string keys =
      "podInterface:string(bridge|ptp) nodeFile:string subnetFile:string peers[].name:string"
      " peers[].address:string peers[].addresses[]:string peers[].ranges[]:string"
      " peers[].mac:string peers[].macV6:string peers[].backend:string(vxlan|host-gw|auto|bgp)"
      " peers[].asNumber:uint(0..4294967295) peers[].labels:map(string) peersFile:string"
      " ranges[]:string clusterRanges[]:string network[]:string localAddress:string"
      " parent:string backend:string(vxlan|host-gw|auto) mode:string(l3|l2)"
      " vni:int(1..16777215) port:int(1..65535) mtu:int(0..65535) ipMasq:bool ipam:object";
  for (const cni::InProcessDelegate& used : cni::used_plugins())
    keys += " " + std::string(used.plugin().keys);
  return keys;
}

bool has_ipam(const json::Object& config) {
  return !config.get_object("ipam").get_string("type").empty();
}

Conf parse_conf_for_removal(const cni::Request& request) {
  const json::Object& config = request.config;
  Conf conf;
  conf.pod_interface = config.get_string("podInterface", conf.pod_interface);
  conf.alone = config.has("peers") || config.has("peersFile") || config.has("ranges");
  conf.mode = config.get_string("mode") == "l2" ? Mode::l2 : Mode::l3;
  return conf;
}

Conf parse_conf(const cni::Request& request) {
  const json::Object& config = request.config;
  Conf conf = parse_conf_for_removal(request);
  if (conf.mode != Mode::l2 && config.get_string("mode", "l3") != "l3")
    config.refuse("mode", "l3 or l2");
  conf.options = parse_options(request);
  conf.local = parse_local(config);
  conf.parent = config.get_string("parent");
  if (!conf.parent.empty()) cni::require_ifname(config, "parent", conf.parent);
  conf.ranges = parse_ranges(config, "ranges");
  for (const json::Object& peer :
       config.find_objects("peers").value_or(std::vector<json::Object>{}))
    conf.peers.push_back(nodes::parse_node(peer));
  conf.peers_file = config.get_string("peersFile");
  if (!conf.peers_file.empty() && !conf.peers_file.starts_with('/'))
    config.refuse("peersFile", "an absolute path");
  conf.bridge = config.get_string("bridge", conf.bridge);
  refuse_contradictions(conf, config);
  return conf;
}

std::string make_pod_config(const cni::Request& request, const Conf& conf,
                            const std::optional<PodSide>& side) {
  const json::Object& config = request.config;
  std::map<std::string, std::string> members{{"type", json::quote(conf.pod_interface)}};
  // There may be thousands of peers, and the pod's side does not need them.
  if (conf.alone) members["peers"] = "null";
  if (side) members["mtu"] = std::to_string(side->mtu);
  // The node's table masquerades, not the pod's plugin. With plumbd's files the files decide, and a
  // removal looks for rules in any case.
  if (conf.alone)
    members["ipMasq"] = "false";
  else if (!config.has("ipMasq"))
    members["ipMasq"] = to_text(!side || side->ip_masq);
  const bool routed = conf.mode == Mode::l3;
  if (routed && conf.pod_interface == "bridge" && !config.has("isGateway"))
    members["isGateway"] = "true";
  // Hairpin: a bridged pod can reach itself by the address of its Service, as a routed pod can.
  if (routed && conf.pod_interface == "bridge" && !config.has("hairpinMode") &&
      !config.get_bool("promiscMode"))
    members["hairpinMode"] = "true";
  if (!config.has("spoofCheck") && (routed || has_ipam(config)) && !config.has("vlanTrunk"))
    members["spoofCheck"] = "true";
  if (routed && conf.pod_interface == "bridge" && !config.has("otherRanges") && side)
    if (const auto others = later_ranges(*side); !others.empty())
      members["otherRanges"] = to_text(others);
  if (routed && !has_ipam(config))
    members["ipam"] = side ? make_ipam(config, side->ranges)
                           : nodes::make_removal_ipam(config.get_object("ipam"));
  return config.text_with(members);
}

}  // namespace vxlan
