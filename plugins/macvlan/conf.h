// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "libcni/attach/upper.h"
#include "libcni/net/upper_link.h"
#include "libcni/plugin/plugin.h"

namespace macvlan {

/// The configuration of one attachment, checked (README.md has the keys).
struct Conf {
  attach::Upper upper;
  net::MacvlanMode mode = net::MacvlanMode::bridge;
};

/// Every key that README.md documents.
std::string all_keys();

/// Throws cni::Error(6) for a wrong type and (7) for a wrong value, naming the key.
Conf parse_conf(const cni::Request& request);

/// "bridge", "private", "vepa" or "passthru".
std::string name_of(net::MacvlanMode mode);

}  // namespace macvlan
