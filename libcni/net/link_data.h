// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/netlink.h>

#include <functional>

#include "libcni/net/netlink.h"

namespace net {

/// Calls `visit` for each attribute of IFLA_INFO_DATA of link `index`: the properties that only its
/// kind has. Calls it for none when the link is gone.
/// The kinds number their attributes alike: the caller knows the kind.
void read_link_data(Netlink& netlink, int index, const std::function<void(const nlattr&)>& visit);

}  // namespace net
