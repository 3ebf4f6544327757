// SPDX-License-Identifier: Apache-2.0
#include "plugins/vlan/plugin.h"

#include "plugins/vlan/apply.h"
#include "plugins/vlan/conf.h"

namespace vlan {

const cni::Plugin& plugin() {
  static const std::string kAllKeys = all_keys();
  static const cni::Plugin kPlugin{.name = "vlan",
                                   .add = add,
                                   .del = remove,
                                   .check = verify,
                                   .gc = collect_garbage,
                                   .status = report_status,
                                   .parse = [](const cni::Request& r) { parse_conf(r); },
                                   .keys = kAllKeys};
  return kPlugin;
}

}  // namespace vlan
