// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "libcni/base/netns.h"
#include "libcni/net/tap.h"

namespace tap {

/// Creates the device in `sandbox` by a program that runs in the SELinux context: the kernel gives
/// a tap device the context of the program that creates it. The program is this one, with the
/// arguments that create_if_asked() reads. Throws when the kernel refuses the context.
void create_in_context(const std::string& context, const base::Netns& sandbox,
                       const std::string& name, const net::Tap& tap);

/// Creates the device that the arguments of the program describe, and returns the exit code;
/// nothing when they describe none.
std::optional<int> create_if_asked(int argc, char** argv);

}  // namespace tap
