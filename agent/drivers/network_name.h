// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "libcni/base/ip.h"

namespace agent {

/// The name of the network in the conflist at `path`; empty when it cannot be read.
std::string name_in(const std::string& path);

/// Chooses the name for the conflist that plumbd writes. On a node that had another agent it is the
/// name of the network whose pods still run (flannel's `cbr0`): then old and new pods share one
/// store of reservations and one lock, and the DEL of an old pod finds its address.
///
/// `present`, the name in use, stays while any pod has an address of its store; else the network of
/// `data_dir` with the most reservations in `ranges` is chosen, where one has more than all others;
/// else `present`, or `plumb`. A store that cannot be read changes nothing.
std::string choose_network(const std::string& present, const std::string& data_dir,
                           const std::vector<base::Prefix>& ranges);

}  // namespace agent
