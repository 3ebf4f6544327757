// SPDX-License-Identifier: Apache-2.0
#include "plugins/vrf/plugin.h"

#include "plugins/vrf/apply.h"
#include "plugins/vrf/conf.h"

namespace vrf {

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{.name = "vrf",
                                   .add = add,
                                   .del = remove,
                                   .check = verify,
                                   .status = report_status,
                                   .chained = true,
                                   .parse = [](const cni::Request& r) { parse_conf(r); },
                                   .keys = kKeys};
  return kPlugin;
}

}  // namespace vrf
