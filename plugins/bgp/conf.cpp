// SPDX-License-Identifier: Apache-2.0
#include "plugins/bgp/conf.h"

#include "libcni/attach/masquerade.h"
#include "libcni/attach/rules.h"
#include "libcni/nodes/node_list.h"
#include "libcni/plugin/conf.h"
#include "libcni/plugin/request.h"

namespace bgp {
namespace {

bool uses_node_ranges(const cni::Request& request) {
  return request.config.get_object("ipam").get_string("type").empty();
}

std::vector<base::Prefix> parse_network(const json::Object& config) {
  std::vector<base::Prefix> network;
  for (const auto& text : config.find_strings("network").value_or(std::vector<std::string>{}))
    network.push_back(nodes::parse_range("network", text));
  return network;
}

}  // namespace

std::optional<nodes::NodeFile> find_node(const cni::Request& request, cni::Code when_unusable) {
  const auto paths = nodes::parse_node_file_paths(request.config);
  if (uses_node_ranges(request)) return nodes::get_node_file(paths, when_unusable);
  return nodes::find_node_file(paths, when_unusable);
}

Conf parse_conf(const cni::Request& request, const std::optional<nodes::NodeFile>& node) {
  const json::Object& config = request.config;
  Conf conf{.mtu = cni::find_mtu(config),
            .accept_ra = config.get_bool("acceptRa"),
            .spoof_check = attach::parse_spoof_check(config, true),
            .ip_masq = config.get_bool("ipMasq", node && node->ip_masq),
            .masq_backend = attach::parse_masquerade_backend(config.get_string("ipMasqBackend")),
            .network = parse_network(config),
            .dns = cni::find_dns(config)};
  if (!conf.mtu && node) conf.mtu = node->mtu;
  if (conf.network.empty() && node) conf.network = node->network;
  if (conf.ip_masq && conf.network.empty())
    throw cni::Error(
        cni::Code::invalid_config,
        "ipMasq needs key \"network\": the ranges of all pods of the cluster",
        "packets to these ranges are not masqueraded; with plumbd, node.json supplies them");
  return conf;
}

void require_usable(const cni::Request& request) {
  nodes::parse_node_file_paths(request.config);
  std::optional<nodes::NodeFile> node;
  if (uses_node_ranges(request)) node.emplace(nodes::NodeFile{.network = {{base::IpAddress{}, 0}}});
  parse_conf(request, node);
}

cni::Request make_ipam_request(const cni::Request& request,
                               const std::optional<nodes::NodeFile>& node) {
  const json::Object& config = request.config;
  if (!uses_node_ranges(request)) return cni::with_config(request, request.stdin_text);
  const json::Object ipam = config.get_object("ipam");
  return cni::with_config(
      request,
      config.text_with({{"ipam", node ? nodes::make_ipam(ipam, nodes::ranges_of_new_pods(*node))
                                      : nodes::make_removal_ipam(ipam)}}));
}

}  // namespace bgp
