// SPDX-License-Identifier: Apache-2.0
#include "plugins/bridge/plugin.h"

#include "plugins/bridge/apply.h"
#include "plugins/bridge/conf.h"

namespace bridge {

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{.name = "bridge",
                                   .add = add,
                                   .del = remove,
                                   .check = verify,
                                   .gc = collect_garbage,
                                   .status = report_status,
                                   .parse = [](const cni::Request& r) { parse_conf(r); },
                                   .keys = kKeys};
  return kPlugin;
}

}  // namespace bridge
