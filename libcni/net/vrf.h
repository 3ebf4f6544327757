// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "libcni/net/netlink.h"

namespace net {

/// Creates a VRF device, up: links below it route by `table`. Throws EEXIST when the name is taken.
void add_vrf(Netlink& netlink, const std::string& name, std::uint32_t table);

/// The table of the VRF device `index`; nothing when it is gone.
std::optional<std::uint32_t> find_vrf_table(Netlink& netlink, int index);

}  // namespace net
