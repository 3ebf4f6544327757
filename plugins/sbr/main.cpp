// SPDX-License-Identifier: Apache-2.0
#include "plugins/sbr/plugin.h"

int main(int argc, char** argv) {
  return cni::plugin_main(sbr::plugin(), argc, argv);
}
