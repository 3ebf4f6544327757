// SPDX-License-Identifier: Apache-2.0
#include "plugins/loopback/apply.h"

int main(int argc, char** argv) {
  return cni::plugin_main({.name = "loopback",
                           .add = loopback::add,
                           .del = loopback::remove,
                           .check = loopback::verify},
                          argc, argv);
}
