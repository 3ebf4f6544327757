// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "ipam/dhcp/daemon.h"
#include "ipam/dhcp/plugin.h"

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "daemon") return ipam_dhcp::run_daemon(argc, argv);
  return cni::plugin_main(ipam_dhcp::plugin(), argc, argv);
}
