// SPDX-License-Identifier: Apache-2.0
#include "plugins/flannel/plugin.h"

int main(int argc, char** argv) {
  return cni::plugin_main(flannel::plugin(), argc, argv);
}
