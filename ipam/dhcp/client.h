// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "ipam/dhcp/rpc.h"

namespace ipam_dhcp {

/// Asks the daemon behind `socket` and waits for its answer. Nothing when no daemon listens there.
/// Throws cni::Error with the daemon's error, std::system_error when the connection fails.
std::optional<cni::Result> ask_daemon(const std::string& socket, const Call& call);

/// Returns whether a daemon listens.
bool has_daemon(const std::string& socket);

}  // namespace ipam_dhcp
