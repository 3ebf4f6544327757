// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace loopback {

/// ADD: `lo` up, with the alias of the attachment that set it up; a failure leaves it as it was.
cni::Result add(const cni::Request& request);

/// DEL: `lo` down, where there still is a sandbox and this attachment set it up: `lo` has its
/// alias, or prevResult lists it and it has none.
void remove(const cni::Request& request);

/// CHECK: `lo` is up and has the addresses that prevResult gives it.
void verify(const cni::Request& request);

}  // namespace loopback
