// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/base/netns.h"

namespace attach {

/// Locks the file of the namespace until the process ends, as the reference's sbr does: two plugins
/// would choose the same routing table. Throws code 11 when another process has kept it for 10 s.
void lock(const base::Netns& sandbox);

/// The same for DEL, which goes on without the lock after 10 s. A process of the pod can keep it,
/// by /proc/self/ns/net and without a capability, and would keep the pod's addresses and ports.
void try_lock(const base::Netns& sandbox);

}  // namespace attach
