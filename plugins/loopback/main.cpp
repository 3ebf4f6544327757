// SPDX-License-Identifier: Apache-2.0
#include "plugins/loopback/plugin.h"

int main(int argc, char** argv) {
  return cni::plugin_main(loopback::plugin(), argc, argv);
}
