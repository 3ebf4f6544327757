// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/runtime/completion.h"

namespace agent {

/// The command line for completion; without choices for words and values.
runtime::CompletionGrammar describe_commands();

/// Parses plumbd's command line, runs the sub-command and returns the exit code.
int run_command_line(int argc, char** argv);

}  // namespace agent
