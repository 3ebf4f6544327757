// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace dummy {

/// ADD: connects the pod. A failure undoes everything that this call made.
cni::Result add(const cni::Request& request);

/// DEL: finds the attachment by its identity; removes all it can, then reports the failures.
void remove(const cni::Request& request);

/// CHECK: compares the kernel with what ADD would make.
void verify(const cni::Request& request);

/// GC: that of IPAM; the link is gone with its pod.
void collect_garbage(const cni::Request& request);

/// STATUS: throws code 50 when ADD cannot work.
void report_status(const cni::Request& request);

}  // namespace dummy
