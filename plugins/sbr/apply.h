// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace sbr {

/// ADD: moves the interface's routes into a table for each of its addresses, which a rule sends
/// their packets to, and passes prevResult on. A failure undoes everything that this call made.
cni::Result add(const cni::Request& request);

/// DEL: removes the rules of the interface's addresses, and moves its routes in their tables back.
/// Also those of the reference. Without the interface, only the rules of prevResult's addresses are
/// left to remove. Succeeds when namespace or interface is gone. Makes all other changes when one
/// fails, then throws.
void remove(const cni::Request& request);

/// CHECK: every address has its rule, and the rule's table a default route by its gateway.
void verify(const cni::Request& request);

/// STATUS: fails when the configuration is wrong.
void report_status(const cni::Request& request);

}  // namespace sbr
