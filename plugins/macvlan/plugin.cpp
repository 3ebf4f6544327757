// SPDX-License-Identifier: Apache-2.0
#include "plugins/macvlan/plugin.h"

#include "plugins/macvlan/apply.h"
#include "plugins/macvlan/conf.h"

namespace macvlan {

const cni::Plugin& plugin() {
  static const std::string kAllKeys = all_keys();
  static const cni::Plugin kPlugin{.name = "macvlan",
                                   .add = add,
                                   .del = remove,
                                   .check = verify,
                                   .gc = collect_garbage,
                                   .status = report_status,
                                   .parse = [](const cni::Request& r) { parse_conf(r); },
                                   .keys = kAllKeys};
  return kPlugin;
}

}  // namespace macvlan
