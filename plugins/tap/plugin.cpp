// SPDX-License-Identifier: Apache-2.0
#include "plugins/tap/plugin.h"

#include "plugins/tap/apply.h"
#include "plugins/tap/conf.h"

namespace tap {

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{.name = "tap",
                                   .add = add,
                                   .del = remove,
                                   .check = verify,
                                   .gc = collect_garbage,
                                   .status = report_status,
                                   .parse = [](const cni::Request& r) { parse_conf(r); },
                                   .keys = kKeys};
  return kPlugin;
}

}  // namespace tap
