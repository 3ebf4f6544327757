// SPDX-License-Identifier: Apache-2.0
#include "plugins/dummy/plugin.h"

#include "plugins/dummy/apply.h"
#include "plugins/dummy/conf.h"

namespace dummy {

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{.name = "dummy",
                                   .add = add,
                                   .del = remove,
                                   .check = verify,
                                   .gc = collect_garbage,
                                   .status = report_status,
                                   .parse = [](const cni::Request& r) { parse_conf(r); },
                                   .keys = kKeys};
  return kPlugin;
}

}  // namespace dummy
