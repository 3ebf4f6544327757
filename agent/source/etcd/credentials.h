// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "agent/config/config.h"

namespace agent::etcd {

/// The first line of a file. Throws cni::Error(7) naming it, and never its content, when others
/// than its owner may read it, when it cannot be read, or when there is nothing in it.
std::string read_password(const std::string& path);
/// Throws the same for a private key that others may read or nobody can.
void check_key(const std::string& path);
/// Which endpoint would get the password unencrypted over the network, and what to do; nothing
/// where none would, or `insecure` allows it.
std::optional<std::string> find_exposure(const EtcdConfig& config);

}  // namespace agent::etcd
