// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipvlan/plugin.h"

#include "plugins/ipvlan/apply.h"
#include "plugins/ipvlan/conf.h"

namespace ipvlan {

const cni::Plugin& plugin() {
  static const std::string kAllKeys = all_keys();
  static const cni::Plugin kPlugin{.name = "ipvlan",
                                   .add = add,
                                   .del = remove,
                                   .check = verify,
                                   .gc = collect_garbage,
                                   .status = report_status,
                                   .parse = [](const cni::Request& r) { parse_conf(r); },
                                   .keys = kAllKeys};
  return kPlugin;
}

}  // namespace ipvlan
