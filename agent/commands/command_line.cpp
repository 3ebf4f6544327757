// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/command_line.h"

#include <algorithm>
#include <exception>
#include <functional>
#include <iostream>

#include <CLI/CLI.hpp>

#include "agent/commands/commands.h"
#include "agent/config/version.h"
#include "libcni/base/nearest.h"
#include "libcni/base/permission_hint.h"
#include "libcni/base/stdio.h"
#include "libcni/base/utf8.h"
#include "libcni/json/object.h"
#include "libcni/spec/error.h"

namespace agent {
namespace {

constexpr char kEpilogue[] = R"(
Configuration: docs/plumbd.yaml has every key. Flags win over the environment (PLUMB_BGP_AS_NUMBER for
bgp.asNumber, and so on; NODE_NAME for node), the environment over the file.
Signals: SIGHUP reads the configuration again; SIGTERM stops and leaves the kernel as it is.
Exit codes: 0 healthy, or done; 1 cannot tell, or failed; 2 usage; 3 degraded; 4 not working.)";

int print_version(const CommandLine&) {
  std::cout << "plumbd " << kVersion << "\n";
  return kOk;
}

struct Command {
  const char* name;
  const char* summary;
  int (*run)(const CommandLine&);
};

constexpr Command kCommands[] = {
    {"run", "Follow the source and keep this node's network up to date", run_agent},
    {"status", "Show the state of this node's agent", show_status},
    {"nodes", "List the nodes and how each is reached", show_nodes},
    {"plan", "Print the plan for this node as JSON", show_plan},
    {"diff", "Show how the kernel differs from the plan", show_diff},
    {"resync", "Compare the kernel with the plan and fix it now", resync},
    {"explain", "Explain how packets to an address are sent", show_explanation},
    {"policy", "List Kubernetes network policies, or print their rules as nft reads them",
     show_policy},
    {"probe", "Send full-size packets to a node, and suggest what to check if none come back",
     probe_node},
    {"cleanup", "Remove every device, route, rule and file that plumbd made", clean_up},
    {"check", "Look for mistakes in the configuration", check_config},
    {"firewall", "Print the rules that open exactly the ports that this node needs",
     print_firewall},
    {"install", "Copy the plugins to the runtime's folder, each replaced atomically", install},
    {"completion", "Print a completion script for bash, zsh or fish", print_completion},
    {"help", "Show help, also of one command", nullptr},
    {"version", "Print the version", print_version},
};

/// `--set KEY=VALUE`.
void add_setting(CommandLine& command_line, const std::string& text) {
  const auto equals = text.find('=');
  if (equals == text.npos || equals == 0)
    throw CLI::ValidationError("--set", "must be KEY=VALUE such as bgp.bfd=true, not " + text);
  command_line.overrides.push_back({text.substr(0, equals), text.substr(equals + 1)});
}

void add_configuration_flags(CLI::App& app, CommandLine& command_line) {
  app.add_option("-c,--config", command_line.config_file,
                 std::string("Configuration file (default ") + kDefaultConfigFile + ")")
      ->type_name("FILE")
      ->envname("PLUMB_CONFIG");
  app.add_option_function<std::vector<std::string>>(
         "--set",
         [&](const std::vector<std::string>& texts) {
           for (const std::string& text : texts) add_setting(command_line, text);
         },
         "Set a key of the configuration")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  const auto shorthand = [&](const char* flag, const char* key, const char* help) {
    app.add_option_function<std::string>(
        flag,
        [&command_line, key](const std::string& value) {
          command_line.overrides.push_back({key, value});
        },
        help);
  };
  shorthand("--node", "node", "Name of this node");
  shorthand("--run-dir", "runDir", "Directory of node.json, subnet.env and the socket");
  shorthand("--state-dir", "stateDir", "Directory of the files that outlive a reboot");
}

void add_command_flags(CLI::App& command, CommandLine& command_line) {
  const std::string name = command.get_name();
  if (name == "status" || name == "nodes" || name == "diff")
    command.add_flag("--json", command_line.json, "Print JSON");
  if (name == "status")
    command
        .add_option("--probe", command_line.probe,
                    "Only check whether the agent is alive or ready: exit code 0 or 1")
        ->check(CLI::IsMember({"alive", "ready"}))
        ->type_name("alive|ready");
  if (name == "explain")
    command
        .add_option("IP", command_line.words,
                    "Addresses of pods or nodes, or two pods (NAMESPACE/NAME) and a port")
        ->required();
  if (name == "policy")
    command
        .add_option("WORD", command_line.words,
                    "`list`, or `rules` of this node for `nft -f`; then a folder with Pods, "
                    "Namespaces and NetworkPolicies (default: policies.folder)")
        ->required()
        ->expected(1, 2);
  if (name == "probe")
    command.add_option("NODE", command_line.words, "Name of a node")->required()->expected(1);
  if (name == "cleanup")
    command.add_flag("--force", command_line.force, "Remove them even while plumbd runs");
  if (name == "firewall")
    command.add_option("--format", command_line.format, "nft or iptables")->capture_default_str();
  if (name == "help")
    command.add_option("COMMAND", command_line.words, "Name of a command")->expected(0, 1);
  if (name == "completion")
    command.add_option("SHELL", command_line.words, runtime::kShells)->required()->expected(1);
  if (name == "install") {
    command.add_option("--from", command_line.from, "Folder of the plugins")->required();
    command.add_option("--to", command_line.to, "Folder that the runtime executes them from")
        ->required();
  }
}

/// Usage line: CLI11 would print the options before the command, where plumbd has none.
class HelpFormat : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    if (app->get_parent() != nullptr) return CLI::Formatter::make_usage(app, name);
    return "Usage: plumbd COMMAND [OPTIONS]\n";
  }
};

std::string hint_among_commands(const std::string& word) {
  std::vector<std::string_view> known;
  for (const Command& command : kCommands) known.emplace_back(command.name);
  return base::did_you_mean(word, known);
}

/// The error for words that a command did not expect: `unknown option "--jsn", did you mean
/// "--json"?`.
std::string complaint_of(const CLI::App& command, const std::string& word) {
  if (!word.starts_with("-")) return "unexpected word " + json::quote(word);
  std::vector<std::string> names;
  for (const auto& option : runtime::describe_options(command))
    names.insert(names.end(), option.spellings.begin(), option.spellings.end());
  const std::vector<std::string_view> known(names.begin(), names.end());
  return "unknown option " + json::quote(word) +
         base::did_you_mean(word.substr(0, word.find('=')), known);
}

/// The error for a wrong command line, and the help to read.
std::string complaint_of(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  const std::string help =
      "; see plumbd " + (chosen.empty() ? "" : chosen.front()->get_name() + " ") + "--help";
  const auto words = app.remaining(true);
  if (!chosen.empty()) {
    const std::string text =
        words.empty() ? error.what() : complaint_of(*chosen.front(), words.front());
    return text + (text.ends_with('?') ? "" : help);
  }
  if (words.empty()) return "no command given" + help;
  const bool option = words.front().starts_with("-");
  const std::string hint = option ? "" : hint_among_commands(words.front());
  return (option ? "no command given before \"" : "unknown command \"") + words.front() + "\"" +
         (hint.empty() ? help : hint);
}

void define(CLI::App& app, CommandLine& command_line, int (*&run)(const CommandLine&)) {
  app.footer(kEpilogue);
  app.formatter(std::make_shared<HelpFormat>());
  app.set_version_flag("--version", std::string("plumbd ") + kVersion, "Print the version");
  app.require_subcommand(1);
  for (const Command& command : kCommands) {
    CLI::App* sub = app.add_subcommand(command.name, command.summary);
    add_configuration_flags(*sub, command_line);
    add_command_flags(*sub, command_line);
    sub->callback([&run, &command] { run = command.run; });
  }
}

/// `plumbd help [COMMAND]`.
int show_help(CLI::App& app, const std::vector<std::string>& words) {
  if (words.empty()) {
    app.clear();  // else it shows the help of the command that was given: `help` itself
    std::cout << app.help();
    return kOk;
  }
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    if (command->check_name(words.front())) {
      std::cout << command->help();
      return kOk;
    }
  const std::string hint = hint_among_commands(words.front());
  std::cerr << "plumbd: unknown command " << json::quote(words.front())
            << (hint.empty() ? "; see plumbd --help" : hint) << "\n";
  return kUsage;
}

/// Prints each line of an error's text, and a hint where a permission is missing.
void report(const std::string& text) {
  const std::string all = text + base::permission_hint(text);
  std::size_t start = 0;
  while (start <= all.size()) {
    const std::size_t end = std::min(all.find('\n', start), all.size());
    std::cerr << "plumbd: " << base::printable(all.substr(start, end - start)) << "\n";
    start = end + 1;
  }
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("plumbd: keeps a node's routes, tunnels and BGP sessions to the other nodes.");
  CommandLine command_line;
  int (*run)(const CommandLine&) = nullptr;
  define(app, command_line, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    std::cerr << "plumbd: " << complaint_of(app, error) << "\n";
    return kUsage;
  }
  return run == nullptr ? show_help(app, command_line.words) : run(command_line);
}

}  // namespace

runtime::CompletionGrammar describe_commands() {
  CLI::App app("plumbd");
  CommandLine ignored;
  int (*run)(const CommandLine&) = nullptr;
  define(app, ignored, run);
  runtime::CompletionGrammar all{"plumbd", runtime::describe_options(app)};
  for (const Command& command : kCommands)
    all.commands.push_back({command.name, "", command.summary,
                            runtime::describe_options(*app.get_subcommand(command.name))});
  return all;
}

int run_command_line(int argc, char** argv) {
  base::fill_stdio();
  try {
    const int exit_code = parse_and_run(argc, argv);
    base::flush_stdout();
    return exit_code;
  } catch (const cni::Error& error) {
    report(error.what() + (error.details().empty() ? "" : ": " + error.details()));
  } catch (const std::exception& error) {
    report(error.what());
  }
  return kFailed;
}

}  // namespace agent
