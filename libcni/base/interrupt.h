// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace base {

/// Turns SIGTERM and SIGINT into an exception at the next blocking call, so that Undo runs.
void catch_termination_signals();

/// Throws std::system_error(EINTR) once after a termination signal; later calls pass, so that
/// roll-back can use the same functions.
void throw_if_interrupted();

}  // namespace base
