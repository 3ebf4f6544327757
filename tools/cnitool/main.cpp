// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iostream>
#include <span>
#include <string_view>
#include <utility>

#include "libcni/base/interrupt.h"
#include "tools/cnitool/command_line.h"
#include "tools/cnitool/commands.h"
#include "tools/cnitool/conformance/recorder.h"
#include "tools/cnitool/failure.h"

namespace {

using Command = int (*)(const cnitool::Options&);
constexpr std::pair<std::string_view, Command> kCommands[] = {
    {"add", cnitool::run_add},
    {"check", cnitool::run_check},
    {"del", cnitool::run_del},
    {"gc", cnitool::run_gc},
    {"status", cnitool::run_status},
    {"list", cnitool::run_list},
    {"validate", cnitool::run_validate},
    {"plugins", cnitool::run_plugins},
    {"attachments", cnitool::run_attachments},
    {"exec", cnitool::run_exec},
    {"convert", cnitool::run_convert},
    {"conformance", cnitool::run_conformance},
    {"completion", cnitool::run_completion},
};

int run(const cnitool::Options& options) {
  const auto command =
      std::find_if(std::begin(kCommands), std::end(kCommands),
                   [&](const auto& entry) { return entry.first == options.command; });
  return command->second(options);
}

/// --json counts even when the rest of the command line makes no sense.
cnitool::Options early_options(std::span<char*> arguments) {
  cnitool::Options options;
  options.json = std::any_of(arguments.begin(), arguments.end(),
                             [](const char* word) { return std::string_view(word) == "--json"; });
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  conformance::maybe_act_as_recorder();
  cnitool::Options options = early_options({argv, static_cast<std::size_t>(argc)});
  try {
    auto parsed = cnitool::parse_command_line(argc, argv);
    if (const auto* text = std::get_if<std::string>(&parsed)) {
      std::cout << *text;
      return cnitool::kOk;
    }
    options = std::get<cnitool::Options>(std::move(parsed));
    base::catch_termination_signals();
    const int exit_code = run(options);
    std::cout << std::flush;
    return exit_code;
  } catch (const std::exception& error) {
    return cnitool::report(error, options);
  }
}
