// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace tuning {

/// ADD: sets the sysctls in their order, then the link's properties, whose former values go into
/// the backup file first. Returns prevResult with the new MAC address and MTU. A failure undoes
/// everything that this call made.
cni::Result add(const cni::Request& request);

/// DEL: sets the link back to the values of the backup file, also one of the reference, and removes
/// the file; the file is removed, too, when the namespace or the link is gone. Sysctls end with the
/// namespace, as in the reference.
void remove(const cni::Request& request);

/// CHECK: compares namespace and link with what ADD sets, or a later plugin of the chain: its MAC
/// address and MTU are in prevResult.
void verify(const cni::Request& request);

/// GC: removes the backup files of this network whose attachment is not valid.
void collect_garbage(const cni::Request& request);

/// STATUS: throws code 50 when ADD cannot work.
void report_status(const cni::Request& request);

}  // namespace tuning
