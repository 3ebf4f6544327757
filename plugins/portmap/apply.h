// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace portmap {

/// ADD: opens the host ports in one transaction and passes prevResult on unchanged.
cni::Result add(const cni::Request& request);

/// DEL: removes everything of the owner, whatever the configuration says; also the rules of the
/// reference plugin.
void remove(const cni::Request& request);

/// CHECK: every port must be as ADD makes it, or as the reference made it before an upgrade.
void verify(const cni::Request& request);

/// GC: removes everything of this network that does not belong to a valid attachment.
void collect_garbage(const cni::Request& request);

/// STATUS: throws code 50 when the backend cannot serve ADD.
void report_status(const cni::Request& request);

}  // namespace portmap
