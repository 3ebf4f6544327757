// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace host_device {

/// ADD: moves the device into the pod. A failure moves it back, with its former name, alias and
/// flag; the addresses that it had on the host are gone with the move.
cni::Result add(const cni::Request& request);

/// DEL: moves the device back, with its former name, or gives it that name when it is on the host
/// already; then releases the address. Tries both, then reports the failures.
void remove(const cni::Request& request);

/// CHECK: compares the kernel with what ADD would make.
void verify(const cni::Request& request);

/// GC: gives a device that came back without DEL its former name; then that of IPAM.
void collect_garbage(const cni::Request& request);

/// STATUS: throws code 50 when the machine does not have the device, as far as the kernel says so
/// while a pod has its link.
void report_status(const cni::Request& request);

}  // namespace host_device
