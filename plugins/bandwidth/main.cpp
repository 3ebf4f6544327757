// SPDX-License-Identifier: Apache-2.0
#include "plugins/bandwidth/plugin.h"

int main(int argc, char** argv) {
  return cni::plugin_main(bandwidth::plugin(), argc, argv);
}
