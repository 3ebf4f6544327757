// SPDX-License-Identifier: Apache-2.0
#include "plugins/vxlan/plugin.h"

int main(int argc, char** argv) {
  return cni::plugin_main(vxlan::plugin(), argc, argv);
}
