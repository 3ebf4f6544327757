// SPDX-License-Identifier: Apache-2.0
#include "plugins/portmap/plugin.h"

#include "plugins/portmap/apply.h"
#include "plugins/portmap/conf.h"

namespace portmap {

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{.name = "portmap",
                                   .add = add,
                                   .del = remove,
                                   .check = verify,
                                   .gc = collect_garbage,
                                   .status = report_status,
                                   .chained = true,
                                   .parse = [](const cni::Request& r) { parse_conf(r); },
                                   .keys = kKeys,
                                   .opens_sandbox = false};
  return kPlugin;
}

}  // namespace portmap
