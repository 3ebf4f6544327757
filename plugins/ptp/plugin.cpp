// SPDX-License-Identifier: Apache-2.0
#include "plugins/ptp/plugin.h"

#include "plugins/ptp/apply.h"
#include "plugins/ptp/plan.h"

namespace ptp {

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{.name = "ptp",
                                   .add = add,
                                   .del = remove,
                                   .check = verify,
                                   .gc = collect_garbage,
                                   .status = report_status,
                                   .parse = require_usable,
                                   .keys = kKeys};
  return kPlugin;
}

}  // namespace ptp
