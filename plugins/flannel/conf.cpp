// SPDX-License-Identifier: Apache-2.0
#include "plugins/flannel/conf.h"

#include <algorithm>
#include <exception>
#include <map>
#include <utility>

#include "libcni/base/file.h"

namespace flannel {
namespace {

using Members = std::map<std::string, std::string>;

constexpr const char* kIpamType = "host-local";

std::string to_text(bool value) {
  return value ? "true" : "false";
}

std::string read_path(const json::Object& config, const char* key, const std::string& otherwise) {
  const std::string path = config.get_string(key);
  return path.empty() ? otherwise : path;
}

void refuse_what_flannel_sets(const json::Object& delegate) {
  if (delegate.has("type") && delegate.get_string("type").empty())
    throw cni::Error(cni::Code::invalid_config,
                     "'delegate' dictionary, if present, must have (string) 'type' field");
  for (const std::string key : {"name", "ipam"})
    if (delegate.has(key))
      throw cni::Error(cni::Code::invalid_config, "'delegate' dictionary must not have '" + key +
                                                      "' field, it'll be set by flannel");
}

/// The user's routes, then one to each network of the cluster, those of IPv4 first.
std::string make_routes(const json::Object& ipam, const nodes::NodeFile& node) {
  std::vector<std::string> routes;
  for (const json::Object& route :
       ipam.find_objects("routes").value_or(std::vector<json::Object>{}))
    routes.push_back(route.text());
  for (const bool v4 : {true, false})
    for (const base::Prefix& network : node.network)
      if (const std::string route = R"({"dst":)" + json::quote(network.text()) + "}";
          network.address.is_v4() == v4 && std::ranges::find(routes, route) == routes.end())
        routes.push_back(route);
  std::string text;
  for (const std::string& route : routes) text += (text.empty() ? "[" : ",") + route;
  return text + "]";
}

std::string make_ipam(const json::Object& ipam, const std::optional<nodes::NodeFile>& node) {
  const std::string type = ipam.get_string("type", kIpamType);
  if (!node) return type == kIpamType ? nodes::make_removal_ipam(ipam) : ipam.text();
  return json::Object::parse(nodes::make_ipam(ipam, node->ranges), "ipam")
      .text_with({{"type", json::quote(type)}, {"routes", make_routes(ipam, *node)}});
}

}  // namespace

Conf parse_conf_for_removal(const cni::Request& request) {
  const json::Object& config = request.config;
  Conf conf;
  conf.subnet_file = read_path(config, "subnetFile", conf.subnet_file);
  conf.data_dir = read_path(config, "dataDir", conf.data_dir);
  conf.delegate = config.get_object("delegate");
  conf.ipam = config.get_object("ipam");
  return conf;
}

Conf parse_conf(const cni::Request& request) {
  Conf conf = parse_conf_for_removal(request);
  refuse_what_flannel_sets(conf.delegate);
  for (const auto& [key, path] :
       {std::pair("subnetFile", conf.subnet_file), std::pair("dataDir", conf.data_dir)})
    if (!path.starts_with('/')) request.config.refuse(key, "an absolute path");
  return conf;
}

nodes::NodeFile read_subnet_file(const Conf& conf, cni::Code when_unusable) {
  std::string why = "open " + conf.subnet_file + ": no such file or directory";
  try {
    if (const auto text = base::find_file(conf.subnet_file, base::kMostInSmallFile))
      return nodes::parse_subnet_env(*text, conf.subnet_file);
  } catch (const std::exception& error) {
    why = error.what();
  }
  throw cni::Error(when_unusable, "failed to load flannel 'subnet.env' file: " + why +
                                      ". Check the flannel pod log for this node.");
}

std::string make_delegate_config(const cni::Request& request, const Conf& conf,
                                 const std::optional<nodes::NodeFile>& node) {
  const json::Object& config = request.config;
  const std::string type = conf.delegate.get_string("type", "bridge");
  Members members{{"name", json::quote(request.network)},
                  {"type", json::quote(type)},
                  {"ipam", make_ipam(conf.ipam, node)}};
  if (config.has("cniVersion")) members["cniVersion"] = config.text_of("cniVersion");
  if (config.has("runtimeConfig")) members["runtimeConfig"] = config.text_of("runtimeConfig");
  if (node) {
    if (!conf.delegate.has("ipMasq")) members["ipMasq"] = to_text(node->ip_masq);
    if (!conf.delegate.has("mtu")) members["mtu"] = std::to_string(node->mtu);
  }
  if (type == "bridge" && !conf.delegate.has("isGateway")) members["isGateway"] = "true";
  const std::string text = conf.delegate.text_with(members);
  return json::Object::parse(text, "delegate's configuration").text();  // sorts the keys
}

}  // namespace flannel
