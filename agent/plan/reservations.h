// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "ipam/store/folder.h"
#include "libcni/base/ip.h"

namespace agent {

/// host-local's default dataDir.
inline constexpr const char* kReservations = "/var/lib/cni/networks";

/// Calls `visit` with the folder of each network in `data_dir`. Throws std::system_error when it
/// cannot be read, also when it is missing (ENOENT): a container that lacks the node's folder
/// cannot see the pods, which does not mean that there are none.
void for_each_network(const std::string& data_dir,
                      const std::function<void(const ipam::Folder&)>& visit);

/// How many reservations of `folder` lie in any of `ranges`.
std::size_t count_in(const ipam::Folder& folder, const std::vector<base::Prefix>& ranges);

}  // namespace agent
