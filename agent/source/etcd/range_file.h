// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "libcni/base/ip.h"

namespace agent::etcd {

/// The ranges that this node had last, from `etcd-ranges.json` in `state_dir`; none when there is
/// no such file or it cannot be read, which is logged.
std::vector<base::Prefix> read_range_file(const std::string& state_dir);
/// Replaces it. A failure is only logged, because the store has the ranges, too.
void write_range_file(const std::string& state_dir, const std::vector<base::Prefix>& ranges);

}  // namespace agent::etcd
