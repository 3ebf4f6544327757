// SPDX-License-Identifier: Apache-2.0
#include "agent/source/json_text.h"

namespace agent {
namespace {

void print_bool(json::Writer& out, std::string_view key, bool value) {
  out.raw_member(key, value ? "true" : "false");
}

void print_number(json::Writer& out, std::string_view key, std::int64_t value) {
  out.member(key, value);
}

template <typename List>
void print_list(json::Writer& out, std::string_view key, const List& list) {
  if (list.empty()) return;
  out.open(key, '[');
  for (const auto& element : list) out.element(element.text());
  out.close();
}

}  // namespace

void print_texts(json::Writer& out, std::string_view key, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  out.open(key, '[');
  for (const std::string& text : texts) out.element(text);
  out.close();
}

void print_ranges(json::Writer& out, std::string_view key,
                  const std::vector<base::Prefix>& ranges) {
  print_list(out, key, ranges);
}

void print_addresses(json::Writer& out, std::string_view key,
                     const std::vector<base::IpAddress>& addresses) {
  print_list(out, key, addresses);
}

void print_overlay(json::Writer& out, const fabric::Overlay& overlay) {
  const fabric::VxlanDevice& device = overlay.device;
  out.open('{');
  out.member("device", device.name);
  print_number(out, "vni", device.vni);
  print_number(out, "port", device.port);
  out.member("local", device.local.text());
  out.member("mac", device.mac.text());
  print_number(out, "mtu", device.mtu);
  print_ranges(out, "addresses", device.addresses);
  out.open("fdb", '[');
  for (const fabric::FdbEntry& entry : overlay.fdb) {
    out.open('{');
    out.member("mac", entry.mac.text());
    out.member("remote", entry.remote.text());
    out.close();
  }
  out.close();
  out.open("neighbors", '[');
  for (const fabric::NeighborEntry& entry : overlay.neighbors) {
    out.open('{');
    out.member("address", entry.address.text());
    out.member("mac", entry.mac.text());
    out.close();
  }
  out.close();
  out.close();
}

void print_route(json::Writer& out, const fabric::FabricRoute& route) {
  out.open('{');
  out.member("dst", route.dst.text());
  if (route.gateway) out.member("gateway", route.gateway->text());
  if (!route.device.empty()) out.member("device", route.device);
  print_number(out, "protocol", route.protocol);
  if (route.onlink) print_bool(out, "onlink", true);
  if (route.blackhole) print_bool(out, "blackhole", true);
  if (route.metric != 0) print_number(out, "metric", route.metric);
  out.close();
}

void print_sources(json::Writer& out, const std::vector<fabric::TunnelSource>& sources) {
  out.open("tunnelSources", '[');
  for (const fabric::TunnelSource& source : sources) {
    out.open('{');
    out.member("sender", source.sender.text());
    out.member("inner", source.inner.text());
    out.close();
  }
  out.close();
}

void print_traffic(json::Writer& out, const fabric::Traffic& traffic) {
  out.open("traffic", '{');
  print_ranges(out, "ownRanges", traffic.own_ranges);
  print_ranges(out, "clusterRanges", traffic.cluster_ranges);
  print_ranges(out, "noMasquerade", traffic.no_masquerade);
  print_bool(out, "masquerade", traffic.masquerade);
  if (!traffic.vxlan_ports.empty()) {
    std::string ports;
    for (const std::uint16_t port : traffic.vxlan_ports)
      ports += (ports.empty() ? "" : ",") + std::to_string(port);
    out.raw_member("vxlanPorts", "[" + ports + "]");
  }
  print_addresses(out, "vteps", traffic.vteps);
  if (!traffic.parent.empty()) out.member("parent", traffic.parent);
  print_sources(out, traffic.tunnel_sources);
  if (traffic.bgp) print_addresses(out, "speakers", traffic.speakers);
  out.close();
}

void print_node(json::Writer& out, const fabric::Node& node) {
  out.open('{');
  out.member("name", node.name);
  print_addresses(out, "addresses", node.addresses);
  print_ranges(out, "ranges", node.ranges);
  if (node.mac) out.member("mac", node.mac->text());
  if (node.mac_v6) out.member("macV6", node.mac_v6->text());
  if (node.backend) out.member("backend", fabric::word_of(*node.backend));
  if (node.as_number != 0) print_number(out, "asNumber", node.as_number);
  if (!node.labels.empty()) {
    out.open("labels", '{');
    for (const auto& [key, value] : node.labels) out.member(key, value);
    out.close();
  }
  out.close();
}

void print_service(json::Writer& out, const Service& service) {
  out.open('{');
  out.member("name", service.name);
  print_addresses(out, "clusterIPs", service.cluster_ips);
  print_addresses(out, "externalIPs", service.external_ips);
  print_addresses(out, "loadBalancerIPs", service.load_balancer_ips);
  if (service.local_policy) print_bool(out, "localPolicy", true);
  if (service.internal_local_policy) print_bool(out, "internalLocalPolicy", true);
  print_texts(out, "endpointNodes", service.endpoint_nodes);
  out.close();
}

}  // namespace agent
