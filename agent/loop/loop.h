// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/base/loop.h"

namespace agent {

/// The one epoll loop of plumbd.
using base::Loop;

}  // namespace agent
