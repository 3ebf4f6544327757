// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "ipam/dhcp/lease.h"

namespace ipam_dhcp {

/// Gives a lease back to its server, from the pod's link and address. Logs where that cannot be
/// done, as without the link: the lease then ends by its time.
void give_back(const SavedLease& saved, const std::string& key) noexcept;

}  // namespace ipam_dhcp
