// SPDX-License-Identifier: Apache-2.0
#include "plugins/bridge/delegate.h"

#include "plugins/bridge/apply.h"

namespace bridge {

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{.name = "bridge",
                                   .add = add,
                                   .del = remove,
                                   .check = verify,
                                   .gc = collect_garbage,
                                   .status = report_status};
  return kPlugin;
}

}  // namespace bridge
