// SPDX-License-Identifier: Apache-2.0
#include "plugins/flannel/plugin.h"

#include "plugins/flannel/apply.h"
#include "plugins/flannel/conf.h"

namespace flannel {

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{.name = "flannel",
                                   .add = add,
                                   .del = remove,
                                   .check = verify,
                                   .gc = collect_garbage,
                                   .status = report_status,
                                   .parse = require_usable,
                                   .keys = kKeys};
  return kPlugin;
}

}  // namespace flannel
