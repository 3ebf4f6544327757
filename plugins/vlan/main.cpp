// SPDX-License-Identifier: Apache-2.0
#include "plugins/vlan/plugin.h"

int main(int argc, char** argv) {
  return cni::plugin_main(vlan::plugin(), argc, argv);
}
