// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "libcni/attach/upper.h"
#include "libcni/net/tap.h"
#include "libcni/plugin/plugin.h"

namespace tap {

/// The configuration of one attachment, checked (README.md has the keys). `upper` lacks make_link.
struct Conf {
  attach::Upper upper;
  net::Tap tap = {};
  std::string bridge = {};           ///< in the sandbox; empty: none
  std::string selinux_context = {};  ///< of the program that makes the device; empty: this one's
};

/// Every key that README.md documents.
inline constexpr std::string_view kKeys =
    "multiQueue:bool mtu:int(0..65535) mac:string owner:int(0..4294967294)"
    " group:int(0..4294967294) selinuxContext:string bridge:string acceptRa:bool ipam:object"
    " dns.nameservers[]:string dns.domain:string dns.search[]:string dns.options[]:string";

/// Throws cni::Error(6) for a wrong type and (7) for a wrong value, naming the key.
Conf parse_conf(const cni::Request& request);

}  // namespace tap
