// SPDX-License-Identifier: Apache-2.0
#include "plugins/vxlan/apply.h"
#include "plugins/vxlan/conf.h"

int main(int argc, char** argv) {
  const std::string keys = vxlan::all_keys();
  return cni::plugin_main({.name = "vxlan",
                           .add = vxlan::add,
                           .del = vxlan::remove,
                           .check = vxlan::verify,
                           .gc = vxlan::collect_garbage,
                           .status = vxlan::report_status,
                           .parse = vxlan::require_usable,
                           .keys = keys},
                          argc, argv);
}
