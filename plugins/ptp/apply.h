// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace ptp {

/// ADD: the pod on a wire of its own. Whatever fails, nothing of this call remains (S-152).
cni::Result add(const cni::Request& request);

/// DEL: by identity; does all it can before it reports what failed (S-164 to S-177).
void remove(const cni::Request& request);

/// CHECK: compares both ends with what ADD would make (S-180 to S-189).
void verify(const cni::Request& request);

/// GC: everything of this network that is not of a valid attachment (S-190 to S-203).
void collect_garbage(const cni::Request& request);

/// STATUS: 50 when ADD cannot work (S-205 to S-213).
void report_status(const cni::Request& request);

/// Throws as ADD does for a configuration that it refuses.
void require_usable(const cni::Request& request);

}  // namespace ptp
