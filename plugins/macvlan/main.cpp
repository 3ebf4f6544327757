// SPDX-License-Identifier: Apache-2.0
#include "plugins/macvlan/plugin.h"

int main(int argc, char** argv) {
  return cni::plugin_main(macvlan::plugin(), argc, argv);
}
