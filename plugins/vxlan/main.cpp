// SPDX-License-Identifier: Apache-2.0
#include "plugins/vxlan/apply.h"

int main(int argc, char** argv) {
  return cni::plugin_main({.name = "vxlan",
                           .add = vxlan::add,
                           .del = vxlan::remove,
                           .check = vxlan::verify,
                           .gc = vxlan::collect_garbage,
                           .status = vxlan::report_status},
                          argc, argv);
}
