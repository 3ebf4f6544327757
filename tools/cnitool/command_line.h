// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <variant>

#include "libcni/runtime/completion.h"
#include "tools/cnitool/options.h"

namespace cnitool {

/// The parsed command line, or the text (help, version) that the user asked for. Throws UsageError
/// for an unknown command or option, with the nearest one as a hint.
std::variant<Options, std::string> parse_command_line(int argc, const char* const* argv);

/// The command line for completion, from the same definitions that the parser uses; without choices
/// for words and values.
runtime::CompletionGrammar describe_commands();

/// The usage line of a command, such as `cnitool add NET[,NET...] NETNS`.
std::string usage_of(const std::string& command);

}  // namespace cnitool
