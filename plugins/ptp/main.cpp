// SPDX-License-Identifier: Apache-2.0
#include "plugins/ptp/plugin.h"

int main(int argc, char** argv) {
  return cni::plugin_main(ptp::plugin(), argc, argv);
}
