// SPDX-License-Identifier: Apache-2.0
#include "ipam/static/plugin.h"

int main(int argc, char** argv) {
  return cni::plugin_main(ipam_static::plugin(), argc, argv);
}
