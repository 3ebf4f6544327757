// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace agent {

/// Parses plumbd's command line, runs the sub-command and returns the exit code.
int run_command_line(int argc, char** argv);

}  // namespace agent
