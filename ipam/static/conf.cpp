// SPDX-License-Identifier: Apache-2.0
#include "ipam/static/conf.h"

#include <algorithm>

#include "libcni/json/result.h"
#include "libcni/spec/args.h"

namespace ipam_static {
namespace {

constexpr cni::Version kFirstWithLists{0, 3, 0};
using Ips = std::vector<cni::IpConfig>;

[[noreturn]] void refuse(const std::string& why, const std::string& details) {
  throw cni::Error(cni::Code::invalid_config, why, details);
}

base::Prefix parse_cidr(const std::string& text, const std::string& problem,
                        const std::string& key) {
  const auto prefix = base::Prefix::parse(text);
  if (!prefix)
    refuse(problem + " CIDR notation, got: '" + text + "'",
           key + " must be an address with prefix length, such as 10.1.0.5/16");
  return *prefix;
}

cni::IpConfig parse_address(const json::Object& object) {
  cni::IpConfig ip{.address = parse_cidr(object.get_string("address"),
                                         "the 'address' field is expected to be in",
                                         object.path_of("address"))};
  const std::string gateway = object.get_string("gateway");
  if (gateway.empty()) return ip;
  ip.gateway = base::IpAddress::parse(gateway);
  if (!ip.gateway) object.refuse("gateway", "an IP address such as 10.1.0.1");
  return ip;
}

/// Splits at commas and trims the spaces around each item.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> items;
  std::size_t start = 0;
  while (true) {
    const auto comma = text.find(',', start);
    const std::string item = text.substr(start, comma - start);
    const auto first = item.find_first_not_of(" \t");
    items.push_back(first == std::string::npos
                        ? ""
                        : item.substr(first, item.find_last_not_of(" \t") - first + 1));
    if (comma == std::string::npos) return items;
    start = comma + 1;
  }
}

/// GATEWAY applies to the addresses of the same CNI_ARGS, never to those of the configuration.
Ips parse_env(const std::string& args) {
  const auto found = cni::parse_args(args, {"IP", "GATEWAY"});
  Ips ips;
  if (const auto ip = found.find("IP"); ip != found.end() && !ip->second.empty())
    for (const std::string& text : split(ip->second))
      ips.push_back(
          {.address = parse_cidr(text, "the 'ip' field is expected to be in", "IP of CNI_ARGS")});
  if (const auto gateways = found.find("GATEWAY");
      gateways != found.end() && !gateways->second.empty())
    for (const std::string& text : split(gateways->second)) {
      const auto gateway = base::IpAddress::parse(text);
      if (!gateway)
        refuse("invalid gateway address: " + text,
               "GATEWAY of CNI_ARGS must be an IP address, such as 10.1.0.1");
      for (cni::IpConfig& ip : ips)
        if (ip.address.contains(*gateway)) ip.gateway = gateway;
    }
  return ips;
}

/// Replaces `ips` by the addresses under `key`, if there are any.
void override_with(const json::Object& object, Ips& ips) {
  const auto texts = object.find_strings("ips").value_or(std::vector<std::string>{});
  if (!texts.empty()) ips.clear();
  for (const std::string& text : texts)
    ips.push_back({.address = parse_cidr(text, "an entry in the 'ips' field is NOT in",
                                         object.path_of("ips"))});
}

/// A result before 0.3.0 has one address per family.
void require_one_per_family(const Ips& ips, cni::Version version) {
  if (version >= kFirstWithLists) return;
  const auto v4 = std::ranges::count_if(
      ips, [](const cni::IpConfig& ip) { return ip.address.address.is_v4(); });
  if (v4 > 1 || std::ssize(ips) - v4 > 1)
    refuse("CNI version " + version.text() + " does not support more than 1 address per family",
           "from 0.3.0 on it does");
}

cni::Result parse(const cni::Request& request, const std::string& args) {
  const auto ipam = request.config.find_object("ipam");
  if (!ipam)
    refuse("IPAM config missing 'ipam' key", "must have \"ipam\": {\"type\": \"static\", ...}");
  cni::Result result{.routes = json::parse_routes(*ipam, cni::Code::invalid_config),
                     .dns = json::parse_dns(ipam->get_object("dns"))};
  for (cni::Route& route : result.routes) route.extra.clear();
  result.dns.extra.clear();
  for (const json::Object& address :
       ipam->find_objects("addresses").value_or(std::vector<json::Object>{}))
    result.ips.push_back(parse_address(address));
  std::ranges::copy(parse_env(args), std::back_inserter(result.ips));
  override_with(request.config.get_object("args").get_object("cni"), result.ips);
  override_with(request.config.get_object("runtimeConfig"), result.ips);
  require_one_per_family(result.ips, request.version);
  return result;
}

}  // namespace

cni::Result parse_result(const cni::Request& request) {
  return parse(request, request.args);
}

cni::Result parse_result_without_args(const cni::Request& request) {
  return parse(request, "");
}

}  // namespace ipam_static
