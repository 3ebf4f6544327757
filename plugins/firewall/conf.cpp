// SPDX-License-Identifier: Apache-2.0
#include "plugins/firewall/conf.h"

#include <cstdint>

#include "libcni/base/utf8.h"

namespace firewall_plugin {
namespace {

constexpr std::size_t kLongestChain = 28;     // iptables allows no longer names
constexpr std::size_t kLongestZone = 64;      // firewalld itself allows 17
constexpr std::uint32_t kMalformed = 0xfffd;  // the JSON parser puts it for malformed UTF-8

Backend parse_backend(const std::string& name) {
  if (name == "iptables") return Backend::iptables;
  if (name == "firewalld") return Backend::firewalld;
  return name == "nftables" ? Backend::nftables : Backend::automatic;
}

IngressPolicy parse_ingress(const std::string& name) {
  for (const IngressPolicy policy :
       {IngressPolicy::open, IngressPolicy::same_bridge, IngressPolicy::isolated})
    if (name == name_of(policy)) return policy;
  if (name.empty()) return IngressPolicy::open;
  throw cni::Error(cni::Code::invalid_config, "unknown ingress policy: " + json::quote(name),
                   "key ingressPolicy: must be \"open\", \"same-bridge\" or \"isolated\"");
}

/// A name that iptables takes for an option or a target would change the meaning of a rule.
void require_chain_name(const json::Object& config, const std::string& name) {
  const bool has_odd = name.find_first_of(" \t\n\r\"'\\!") != std::string::npos;
  if (name.size() > kLongestChain || has_odd || name[0] == '-' || name == "ACCEPT" ||
      name == "DROP" || name == "RETURN" || name == "REJECT" || name == "QUEUE")
    config.refuse("iptablesAdminChainName", "the name of a chain of iptables, at most 28 bytes");
}

/// Messages show the name as it is, and the message bus ends connections over a malformed text.
void require_zone_name(const json::Object& config, std::string_view name) {
  bool is_text = name.size() <= kLongestZone;
  for (std::string_view rest = name; is_text && !rest.empty();) {
    const auto point = base::next_code_point(rest);
    is_text = point && *point != kMalformed && !base::is_control(*point);
  }
  if (!is_text)
    config.refuse("firewalldZone",
                  "the name of a zone of firewalld, at most 64 bytes without control characters");
}

}  // namespace

std::string_view name_of(IngressPolicy policy) {
  if (policy == IngressPolicy::same_bridge) return "same-bridge";
  return policy == IngressPolicy::isolated ? "isolated" : "open";
}

Conf parse_conf(const cni::Request& request) {
  const json::Object& config = request.config;
  Conf conf;
  conf.backend = parse_backend(config.get_string("backend"));
  const std::string chain = config.get_string("iptablesAdminChainName");
  if (!chain.empty()) conf.admin_chain = chain;
  require_chain_name(config, conf.admin_chain);
  const std::string zone = config.get_string("firewalldZone");
  if (!zone.empty()) conf.zone = zone;
  require_zone_name(config, conf.zone);
  conf.ingress = parse_ingress(config.get_string("ingressPolicy"));
  return conf;
}

}  // namespace firewall_plugin
