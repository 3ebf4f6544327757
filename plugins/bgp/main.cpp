// SPDX-License-Identifier: Apache-2.0
#include "plugins/bgp/plugin.h"

int main(int argc, char** argv) {
  return cni::plugin_main(bgp::plugin(), argc, argv);
}
