// SPDX-License-Identifier: Apache-2.0
#include "plugins/bridge/plugin.h"

int main(int argc, char** argv) {
  return cni::plugin_main(bridge::plugin(), argc, argv);
}
