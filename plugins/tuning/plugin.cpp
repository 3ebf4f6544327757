// SPDX-License-Identifier: Apache-2.0
#include "plugins/tuning/plugin.h"

#include "plugins/tuning/apply.h"
#include "plugins/tuning/conf.h"

namespace tuning {

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{.name = "tuning",
                                   .add = add,
                                   .del = remove,
                                   .check = verify,
                                   .gc = collect_garbage,
                                   .status = report_status,
                                   .chained = true,
                                   .parse = [](const cni::Request& r) { parse_conf(r); },
                                   .keys = kKeys};
  return kPlugin;
}

}  // namespace tuning
