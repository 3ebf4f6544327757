// SPDX-License-Identifier: Apache-2.0
#include "plugins/bgp/apply.h"
#include "plugins/bgp/conf.h"

int main(int argc, char** argv) {
  return cni::plugin_main({.name = "bgp",
                           .add = bgp::add,
                           .del = bgp::remove,
                           .check = bgp::verify,
                           .gc = bgp::collect_garbage,
                           .status = bgp::report_status,
                           .parse = bgp::require_usable,
                           .keys = bgp::kKeys},
                          argc, argv);
}
