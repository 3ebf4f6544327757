// SPDX-License-Identifier: Apache-2.0
#include "plugins/vxlan/plugin.h"

#include "plugins/vxlan/apply.h"
#include "plugins/vxlan/conf.h"

namespace vxlan {

const cni::Plugin& plugin() {
  static const std::string kAllKeys = all_keys();
  static const cni::Plugin kPlugin{.name = "vxlan",
                                   .add = add,
                                   .del = remove,
                                   .check = verify,
                                   .gc = collect_garbage,
                                   .status = report_status,
                                   .parse = require_usable,
                                   .keys = kAllKeys};
  return kPlugin;
}

}  // namespace vxlan
