// SPDX-License-Identifier: Apache-2.0
#include "plugins/ptp/apply.h"

int main(int argc, char** argv) {
  return cni::plugin_main({.name = "ptp",
                           .add = ptp::add,
                           .del = ptp::remove,
                           .check = ptp::verify,
                           .gc = ptp::collect_garbage,
                           .status = ptp::report_status},
                          argc, argv);
}
