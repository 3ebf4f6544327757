// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace portmap {

/// ADD: opens the host ports in one transaction and hands prevResult on unchanged (S-223).
cni::Result add(const cni::Request& request);

/// DEL: by owner, whatever the configuration says; also what the reference left (S-255).
void remove(const cni::Request& request);

/// CHECK: every port as ADD makes it, or as the reference made it before an upgrade.
void verify(const cni::Request& request);

/// GC: all of this network that is of no valid attachment (S-194).
void collect_garbage(const cni::Request& request);

/// STATUS: 50 when the backend cannot serve ADD.
void report_status(const cni::Request& request);

}  // namespace portmap
