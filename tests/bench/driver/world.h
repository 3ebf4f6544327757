// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "libcni/base/unique_fd.h"

namespace bench {

/// Moves the process into new network and mount namespaces, without propagation and with an empty
/// tmpfs on /run and /var/lib.
void enter_private_world();

/// A network namespace with its loopback up: the "machine" one side works on.
base::UniqueFd make_host_netns();

/// A sandbox bound to /run/netns/<name>, as a runtime prepares it; returns the path.
std::string make_sandbox(const std::string& name);

/// The type of the file system under a path, for the head of the report.
std::string describe_filesystem(const std::string& path);

}  // namespace bench
