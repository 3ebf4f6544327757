// SPDX-License-Identifier: Apache-2.0
#include "plugins/dummy/plugin.h"

int main(int argc, char** argv) {
  return cni::plugin_main(dummy::plugin(), argc, argv);
}
