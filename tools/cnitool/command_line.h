// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <variant>

#include "libcni/runtime/completion.h"
#include "tools/cnitool/options.h"

namespace cnitool {

/// What to do, or a text that was asked for (help, version) and is all there is to print. Throws
/// UsageError for an unknown command or option, with the nearest one as a hint.
std::variant<Options, std::string> parse_command_line(int argc, const char* const* argv);

/// The command line for completion, read off the same definitions that parse it; without choices
/// for words and values.
runtime::CompletionGrammar describe_commands();

/// The usage line of a command, such as `cnitool add NET[,NET...] NETNS`.
std::string usage_of(const std::string& command);

}  // namespace cnitool
