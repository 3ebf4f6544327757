// SPDX-License-Identifier: Apache-2.0
#include "plugins/portmap/plugin.h"

int main(int argc, char** argv) {
  return cni::plugin_main(portmap::plugin(), argc, argv);
}
