// SPDX-License-Identifier: Apache-2.0
#include "plugins/sbr/plugin.h"

#include "plugins/sbr/apply.h"
#include "plugins/sbr/conf.h"

namespace sbr {

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{.name = "sbr",
                                   .add = add,
                                   .del = remove,
                                   .check = verify,
                                   .status = report_status,
                                   .parse = [](const cni::Request& r) { parse_conf(r); },
                                   .keys = kKeys};
  return kPlugin;
}

}  // namespace sbr
