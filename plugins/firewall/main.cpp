// SPDX-License-Identifier: Apache-2.0
#include "plugins/firewall/plugin.h"

int main(int argc, char** argv) {
  return cni::plugin_main(firewall::plugin(), argc, argv);
}
