// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "ipam/host-local/conf.h"

namespace ipam_host_local {

/// Throws code 50 when an ADD could not reserve: the data directory cannot be written, its file
/// system is full, or a range set is exhausted. Changes nothing and takes no lock.
void require_ready(const Conf& conf, const std::string& network);

}  // namespace ipam_host_local
