// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipvlan/plugin.h"

int main(int argc, char** argv) {
  return cni::plugin_main(ipvlan::plugin(), argc, argv);
}
