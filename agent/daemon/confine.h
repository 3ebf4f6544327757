// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace agent {

/// Keeps this process's secrets (tokens, passwords, keys) out of core dumps, and keeps it and its
/// children from gaining privileges by a program file. Other processes need CAP_SYS_PTRACE to read
/// its memory. Throws std::system_error.
void confine();

}  // namespace agent
