// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace vxlan {

/// ADD: this node's side of the overlay where there is no plumbd, and the pod by bridge or ptp.
/// What fails takes the pod back; the node's side stays, it is every pod's (S-152).
cni::Result add(const cni::Request& request);

/// DEL: the pod's side, by identity (S-164 to S-177).
void remove(const cni::Request& request);

/// CHECK: both sides; the node's only where there is no plumbd (S-180 to S-189).
void verify(const cni::Request& request);

/// GC: pods' sides of this network that are not of a valid attachment (S-190 to S-203).
void collect_garbage(const cni::Request& request);

/// STATUS: 50 when ADD cannot work (S-205 to S-213).
void report_status(const cni::Request& request);

/// Throws as ADD does for a configuration that it, or bridge or ptp, refuses.
void require_usable(const cni::Request& request);

}  // namespace vxlan
