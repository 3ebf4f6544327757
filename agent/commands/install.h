// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace agent {

/// `plumbd install`: copies every plugin of the folder `from` into `to` (made when missing), so
/// that a kubelet that executes one meanwhile sees the old or the new file, whole. Looks at
/// all of them before it writes any. Returns their names, sorted. Throws cni::Error when `from` has
/// no plugin or something that is no executable for this machine, std::system_error when a file
/// cannot be read or written.
std::vector<std::string> install_plugins(const std::string& from, const std::string& to);

}  // namespace agent
