// SPDX-License-Identifier: Apache-2.0
#include "plugins/ptp/delegate.h"

#include "plugins/ptp/apply.h"

namespace ptp {

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{.name = "ptp",
                                   .add = add,
                                   .del = remove,
                                   .check = verify,
                                   .gc = collect_garbage,
                                   .status = report_status};
  return kPlugin;
}

}  // namespace ptp
