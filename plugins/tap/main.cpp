// SPDX-License-Identifier: Apache-2.0
#include "plugins/tap/context.h"
#include "plugins/tap/plugin.h"

int main(int argc, char** argv) {
  if (const auto code = tap::create_if_asked(argc, argv)) return *code;
  return cni::plugin_main(tap::plugin(), argc, argv);
}
