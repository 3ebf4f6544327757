// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ipam/dhcp/packet.h"
#include "libcni/json/object.h"

namespace ipam_dhcp {

/// Every key that README.md documents.
inline constexpr std::string_view kKeys =
    "ipam.type:string ipam.daemonSocketPath:string ipam.priority:int(0..4294967295)"
    " ipam.provide[].option:string ipam.provide[].value:string ipam.provide[].fromArg:string"
    " ipam.request[].option:string ipam.request[].skipDefault:bool";

inline constexpr std::string_view kSocket = "/run/cni/dhcp.sock";

/// The part of a network's configuration that concerns this plugin; plugin and daemon read the
/// same.
struct Conf {
  std::string network;
  std::string socket = std::string(kSocket);
  std::uint64_t priority = 0;  ///< metric of all routes; 0: none
  Options provide = {};
  std::string request = {};  ///< codes for option 55
};

/// `args` is CNI_ARGS. Throws code 7 for a value that ADD refuses.
Conf parse_conf(const json::Object& config, std::string_view args);

/// `ipam.daemonSocketPath` alone, which DEL needs, also where the rest is broken.
std::string parse_socket(const json::Object& config);

}  // namespace ipam_dhcp
