// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace flannel {

/// ADD: writes the delegate's configuration to `dataDir`, then runs the delegate.
cni::Result add(const cni::Request& request);

/// DEL: runs the delegate with what ADD wrote, whatever the node's subnet is now. The file is
/// removed when that has succeeded.
void remove(const cni::Request& request);

/// CHECK: the delegate's, with what ADD wrote.
void verify(const cni::Request& request);

/// GC: the delegate's; then the files of attachments that are gone.
void collect_garbage(const cni::Request& request);

/// STATUS: throws code 50 while flannel has not written subnet.env; the delegate's.
void report_status(const cni::Request& request);

/// Throws the error of ADD for a configuration that ADD would refuse.
void require_usable(const cni::Request& request);

}  // namespace flannel
