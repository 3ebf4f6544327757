// SPDX-License-Identifier: Apache-2.0
#include "ipam/host-local/plugin.h"

int main(int argc, char** argv) {
  return cni::plugin_main(ipam_host_local::executable(), argc, argv);
}
