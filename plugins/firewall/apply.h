// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace firewall_plugin {

/// ADD: lets packets of the container's addresses and their replies through, and passes prevResult
/// on unchanged.
cni::Result add(const cni::Request& request);

/// DEL: removes everything of the owner, whatever the configuration says; of the reference's rules,
/// which have no owner, those for the addresses of prevResult.
void remove(const cni::Request& request);

/// CHECK: every rule must be there, made by either suite, and packets must get to it.
void verify(const cni::Request& request);

/// GC: removes everything of this network that does not belong to a valid attachment.
void collect_garbage(const cni::Request& request);

/// STATUS: throws code 50 when the backend cannot serve ADD.
void report_status(const cni::Request& request);

}  // namespace firewall_plugin
