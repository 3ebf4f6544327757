// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "tools/cnitool/options.h"

namespace cnitool {

/// What to do, or a text that was asked for (help, version) and is all there is to print. Throws
/// UsageError for an unknown command or option, with the nearest one as a hint.
std::variant<Options, std::string> parse_command_line(int argc, const char* const* argv);

/// One command as completion scripts want it.
struct CommandWords {
  struct Option {
    std::vector<std::string> spellings;  ///< such as `-o` and `--output`
    std::string summary;
    bool takes_value = false;
  };
  std::string name;
  std::string alias;
  std::string summary;
  std::vector<Option> options;
};

/// Every command with its options, read off the same definitions that parse them.
std::vector<CommandWords> describe_commands();

/// The usage line of a command, such as `cnitool add NET[,NET...] NETNS`.
std::string usage_of(const std::string& command);

}  // namespace cnitool
