// SPDX-License-Identifier: Apache-2.0
#include "plugins/host-device/plugin.h"

int main(int argc, char** argv) {
  return cni::plugin_main(host_device::plugin(), argc, argv);
}
