// SPDX-License-Identifier: Apache-2.0
#include "plugins/vrf/conf.h"

#include <limits>

#include "libcni/plugin/conf.h"
#include "plugins/vrf/plan.h"

namespace vrf {

Conf parse_conf(const cni::Request& request) {
  const json::Object& config = request.config;
  Conf conf{.name = config.get_string("vrfname")};
  if (conf.name.empty())
    throw cni::Error(cni::Code::invalid_config,
                     "configuration is expected to have a valid vrf name",
                     "key vrfname names the VRF device in the pod");
  cni::require_ifname(config, "vrfname", conf.name);
  const auto table = config.find_int("table").value_or(0);
  if (table < 0 || table > std::numeric_limits<std::uint32_t>::max())
    config.refuse("table", "0 to 4294967295");
  if (table != 0) conf.table = static_cast<std::uint32_t>(table);
  if (conf.table && is_of_kernel(*conf.table))
    config.refuse("table", "another table than 253 to 255, which all links use");
  return conf;
}

}  // namespace vrf
