// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iostream>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "libcni/base/interrupt.h"
#include "libcni/base/stdio.h"
#include "tools/cnitool/command_line.h"
#include "tools/cnitool/commands.h"
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

/// --json is honoured even if the rest of the command line is invalid.
cnitool::Options early_options(std::span<char*> arguments) {
  cnitool::Options options;
  options.json = std::any_of(arguments.begin(), arguments.end(),
                             [](const char* word) { return std::string_view(word) == "--json"; });
  return options;
}

/// If the reader of the output exits, as `head` does, cnitool ends silently like other programs.
/// ADD reports an error instead, because the attachment was undone.
void end_silently_without_reader(const std::system_error& error, const cnitool::Options& options) {
  if (error.code().value() != EPIPE || options.command == "add") return;
  ::signal(SIGPIPE, SIG_DFL);
  ::raise(SIGPIPE);
}

}  // namespace

int main(int argc, char** argv) {
  base::fill_stdio();
  ::signal(SIGPIPE, SIG_IGN);  // a result that cannot be written is an error, and is rolled back
  cnitool::begin_log();
  cnitool::Options options = early_options({argv, static_cast<std::size_t>(argc)});
  try {
    auto parsed = cnitool::parse_command_line(argc, argv);
    if (const auto* text = std::get_if<std::string>(&parsed)) {
      std::cout << *text;
      base::flush_stdout();
      return cnitool::kOk;
    }
    options = std::get<cnitool::Options>(std::move(parsed));
    base::catch_termination_signals();
    ::signal(SIGXFSZ, SIG_IGN);  // RLIMIT_FSIZE: a write fails with EFBIG instead
    const int exit_code = run(options);
    base::flush_stdout();
    return exit_code;
  } catch (const std::system_error& error) {
    end_silently_without_reader(error, options);
    return cnitool::report(error, options);
  } catch (const std::exception& error) {
    return cnitool::report(error, options);
  }
}
