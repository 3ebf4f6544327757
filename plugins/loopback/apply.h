// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace loopback {

/// ADD: sets `lo` up and gives it the alias of this attachment; a failure leaves it unchanged.
cni::Result add(const cni::Request& request);

/// DEL: sets `lo` down if the sandbox still exists and this attachment set it up: `lo` has its
/// alias, or has no alias and prevResult lists it.
void remove(const cni::Request& request);

/// CHECK: `lo` is up and has the addresses that prevResult gives it.
void verify(const cni::Request& request);

}  // namespace loopback
