// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace bandwidth {

/// ADD: limits both directions and passes prevResult on; an ifb is appended to its interfaces.
cni::Result add(const cni::Request& request);

/// DEL: removes the ifb of the attachment, whatever the configuration says. The qdiscs of the
/// host's end go with it.
void remove(const cni::Request& request);

/// CHECK: compares the kernel with what ADD makes.
void verify(const cni::Request& request);

/// GC: removes ifbs of this network whose attachment is not listed as valid.
void collect_garbage(const cni::Request& request);

/// STATUS: throws code 50 when the kernel lacks tbf, ifb, u32 or mirred.
void report_status(const cni::Request& request);

}  // namespace bandwidth
