// SPDX-License-Identifier: Apache-2.0
#include "plugins/bridge/apply.h"

int main(int argc, char** argv) {
  return cni::plugin_main({.name = "bridge",
                           .add = bridge::add,
                           .del = bridge::remove,
                           .check = bridge::verify,
                           .gc = bridge::collect_garbage,
                           .status = bridge::report_status},
                          argc, argv);
}
