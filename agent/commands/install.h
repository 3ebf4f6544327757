// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace agent {

/// `plumbd install`: copies every plugin of the folder `from` into `to` (made when missing), so
/// that a kubelet that executes one meanwhile gets either the complete old or the complete new
/// file. Checks all plugins before it writes any. Returns their names, sorted. Throws cni::Error
/// when `from` has no plugin or a file that is not an executable for this machine,
/// std::system_error when a file cannot be read or written.
std::vector<std::string> install_plugins(const std::string& from, const std::string& to);

}  // namespace agent
