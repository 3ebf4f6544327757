// SPDX-License-Identifier: Apache-2.0
#include "plugins/sbr/conf.h"

#include <limits>
#include <string>
#include <vector>

namespace sbr {
namespace {

[[noreturn]] void refuse(const std::string& why, const std::string& details) {
  throw cni::Error(cni::Code::invalid_config, why, details);
}

void parse_gateways(const json::Object& config, Conf& conf) {
  const auto texts = config.find_strings("gateways").value_or(std::vector<std::string>{});
  if (texts.size() > 2)
    refuse("gateways list cannot contain more than 2 entries (one IPv4, one IPv6)", "key gateways");
  for (const std::string& text : texts) {
    const auto gateway = base::IpAddress::parse(text);
    if (!gateway)
      refuse("invalid static gateway IP address: " + text.substr(0, 60), "key gateways");
    auto& place = gateway->is_v4() ? conf.gateway_v4 : conf.gateway_v6;
    if (place)
      refuse(std::string("gateways list contains multiple ") +
                 (gateway->is_v4() ? "IPv4" : "IPv6") + " addresses: " + place->text() + " and " +
                 gateway->text(),
             "key gateways");
    place = gateway;
  }
}

}  // namespace

Conf parse_conf(const cni::Request& request) {
  const json::Object& config = request.config;
  Conf conf{.source_hints = config.get_bool("addSourceHints")};
  if (const auto table = config.find_int("table")) {
    if (*table < 1 || *table > std::numeric_limits<std::uint32_t>::max())
      config.refuse("table", "1 to 4294967295");
    conf.table = static_cast<std::uint32_t>(*table);
  }
  parse_gateways(config, conf);
  return conf;
}

}  // namespace sbr
