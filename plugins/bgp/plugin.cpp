// SPDX-License-Identifier: Apache-2.0
#include "plugins/bgp/plugin.h"

#include "plugins/bgp/apply.h"
#include "plugins/bgp/conf.h"

namespace bgp {

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{.name = "bgp",
                                   .add = add,
                                   .del = remove,
                                   .check = verify,
                                   .gc = collect_garbage,
                                   .status = report_status,
                                   .parse = require_usable,
                                   .keys = kKeys};
  return kPlugin;
}

}  // namespace bgp
