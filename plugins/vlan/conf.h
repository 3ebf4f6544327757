// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "libcni/attach/upper.h"
#include "libcni/plugin/plugin.h"

namespace vlan {

/// The configuration of one attachment, checked (README.md has the keys).
struct Conf {
  attach::Upper upper;
  std::uint16_t id = 0;  ///< 0 to 4094
};

/// Every key that README.md documents.
std::string all_keys();

/// Throws cni::Error(6) for a wrong type and (7) for a wrong value, naming the key.
Conf parse_conf(const cni::Request& request);

}  // namespace vlan
