// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace vxlan {

/// ADD: makes this node's side of the overlay if plumbd does not run, and connects the pod by
/// bridge or ptp. A failure undoes the pod's side; the node's side stays, because all pods share
/// it.
cni::Result add(const cni::Request& request);

/// DEL: removes the pod's side, found by its identity.
void remove(const cni::Request& request);

/// CHECK: checks both sides; the node's side only if plumbd does not run.
void verify(const cni::Request& request);

/// GC: removes the pods' sides of this network that do not belong to a valid attachment.
void collect_garbage(const cni::Request& request);

/// STATUS: throws code 50 when ADD cannot work.
void report_status(const cni::Request& request);

/// Throws the error of ADD for a configuration that ADD, bridge or ptp would refuse.
void require_usable(const cni::Request& request);

}  // namespace vxlan
