// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace loopback {

/// ADD: `lo` up; a failure leaves it as it was.
cni::Result add(const cni::Request& request);

/// DEL: `lo` down, where there still is a sandbox.
void remove(const cni::Request& request);

/// CHECK: `lo` is up and has the addresses that prevResult gives it.
void verify(const cni::Request& request);

}  // namespace loopback
