// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace base {

/// Time since the machine booted, suspended time included (CLOCK_BOOTTIME). The same for every
/// process, and unlike the wall clock it cannot be set.
using BootTime = std::chrono::nanoseconds;

/// Now.
BootTime boot_time();

/// The time at which this process began, at most 10 ms late (field 22 of /proc/self/stat): the
/// process may have been stopped before it could read a clock. Without /proc, now.
BootTime process_start();

}  // namespace base
