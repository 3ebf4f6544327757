// SPDX-License-Identifier: Apache-2.0
#include "plugins/portmap/apply.h"
#include "plugins/portmap/conf.h"

int main(int argc, char** argv) {
  return cni::plugin_main({.name = "portmap",
                           .add = portmap::add,
                           .del = portmap::remove,
                           .check = portmap::verify,
                           .gc = portmap::collect_garbage,
                           .status = portmap::report_status,
                           .chained = true,
                           .parse = [](const cni::Request& r) { portmap::parse_conf(r); },
                           .keys = portmap::kKeys,
                           .opens_sandbox = false},
                          argc, argv);
}
