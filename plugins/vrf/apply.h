// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace vrf {

/// ADD: puts the interface into the VRF of the pod, which it makes unless it exists, with the
/// interface's addresses and routes, and passes prevResult on. A failure undoes everything that
/// this call made.
cni::Result add(const cni::Request& request);

/// DEL: takes the interface out, and removes the VRF when it was the last one. Also one that the
/// reference made. Succeeds when namespace, interface or VRF is gone.
void remove(const cni::Request& request);

/// CHECK: the interface is in the VRF, which is up and has the table of the configuration.
void verify(const cni::Request& request);

/// STATUS: fails when the configuration is wrong.
void report_status(const cni::Request& request);

}  // namespace vrf
