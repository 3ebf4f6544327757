// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "libcni/firewall/owner.h"
#include "libcni/net/address.h"
#include "libcni/plugin/plugin.h"

namespace loopback {

inline constexpr const char* kName = "lo";

/// Returns whether prevResult lists `lo` of a sandbox.
bool is_listed(const cni::Request& request);

/// Throws cni::Error unless every address is a loopback address.
void require_loopback(const std::vector<net::Address>& addresses);

/// ADD's result: prevResult unchanged, else `lo` with the first address of each family.
cni::Result make_result(const cni::Request& request, const std::vector<net::Address>& addresses);

/// The addresses that `result` gives `lo`.
std::vector<base::Prefix> listed_addresses(const cni::Result& result);

}  // namespace loopback
