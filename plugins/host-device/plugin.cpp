// SPDX-License-Identifier: Apache-2.0
#include "plugins/host-device/plugin.h"

#include "plugins/host-device/apply.h"
#include "plugins/host-device/conf.h"

namespace host_device {

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{.name = "host-device",
                                   .add = add,
                                   .del = remove,
                                   .check = verify,
                                   .gc = collect_garbage,
                                   .status = report_status,
                                   .parse = [](const cni::Request& r) { parse_conf(r); },
                                   .keys = kKeys};
  return kPlugin;
}

}  // namespace host_device
