// SPDX-License-Identifier: Apache-2.0
#include "plugins/tuning/plugin.h"

int main(int argc, char** argv) {
  return cni::plugin_main(tuning::plugin(), argc, argv);
}
