// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "libcni/net/route.h"

namespace vrf {

/// Returns whether every link uses the table: default, main and local.
bool is_of_kernel(std::uint32_t table);

/// The lowest table from 1 that is not in `used` and not of the kernel.
std::uint32_t choose_table(const std::set<std::uint32_t>& used);

/// The routes by link `index` that the kernel forgets when the link goes into a VRF, and does not
/// make again by itself, in the order in which it accepts them. Of a route with several next hops,
/// those by the link.
std::vector<net::Route> find_forgotten(std::span<const net::Route> present, int index);

/// The same routes with those of the main table in `table`.
std::vector<net::Route> move(std::vector<net::Route> routes, std::uint32_t table);

}  // namespace vrf
