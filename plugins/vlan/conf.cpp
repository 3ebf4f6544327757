// SPDX-License-Identifier: Apache-2.0
#include "plugins/vlan/conf.h"

#include "libcni/net/upper_link.h"

namespace vlan {
namespace {

std::uint16_t parse_id(const json::Object& config) {
  constexpr std::int64_t kMostId = 4094;
  const auto id = config.find_int("vlanId").value_or(0);
  if (id < 0 || id > kMostId)
    throw cni::Error(
        cni::Code::invalid_config,
        "invalid VLAN ID " + std::to_string(id) + " (must be between 0 and 4094 inclusive)",
        "key vlanId");
  return static_cast<std::uint16_t>(id);
}

}  // namespace

std::string all_keys() {
  return "vlanId:int(0..4094) " + std::string(attach::kUpperKeys);
}

Conf parse_conf(const cni::Request& request) {
  Conf conf{.upper = attach::parse_upper(request, "vlan"), .id = parse_id(request.config)};
  if (conf.upper.master.empty())
    throw cni::Error(cni::Code::invalid_config,
                     "\"master\" field is required. It specifies the host interface name to"
                     " create the VLAN for",
                     "key master");
  conf.upper.put_data = net::vlan_data(conf.id);
  return conf;
}

}  // namespace vlan
