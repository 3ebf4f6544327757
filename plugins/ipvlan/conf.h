// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "libcni/attach/upper.h"
#include "libcni/net/upper_link.h"
#include "libcni/plugin/plugin.h"

namespace ipvlan {

/// The configuration of one attachment, checked (README.md has the keys).
struct Conf {
  attach::Upper upper;
  net::IpvlanMode mode = net::IpvlanMode::l2;
  /// Without IPAM, in a list behind a plugin that gave addresses: the ipvlan gets these as well.
  bool takes_addresses = false;
};

/// Every key that README.md documents.
std::string all_keys();

/// Without `master`, the only interface with a name in prevResult is the master. Throws
/// cni::Error(6) for a wrong type and (7) for a wrong value, naming the key.
Conf parse_conf(const cni::Request& request);

/// "l2", "l3" or "l3s".
std::string name_of(net::IpvlanMode mode);

}  // namespace ipvlan
