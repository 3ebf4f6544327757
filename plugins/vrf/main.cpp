// SPDX-License-Identifier: Apache-2.0
#include "plugins/vrf/plugin.h"

int main(int argc, char** argv) {
  return cni::plugin_main(vrf::plugin(), argc, argv);
}
