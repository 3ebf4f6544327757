// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "agent/config/config.h"

namespace agent::etcd {

/// Reads the first line of a file. Throws cni::Error(7) naming the file, and never its content,
/// when users other than its owner may read it, when it cannot be read, or when it is empty.
std::string read_password(const std::string& path);
/// Throws the same for a private key that other users may read, or that plumbd cannot read.
void check_key(const std::string& path);
/// Which endpoint would get the password unencrypted over the network, and what to do; nothing
/// where none would, or `insecure` allows it.
std::optional<std::string> find_exposure(const EtcdConfig& config);

}  // namespace agent::etcd
