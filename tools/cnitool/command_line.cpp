// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/command_line.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>

#include <CLI/CLI.hpp>

#include "libcni/base/nearest.h"
#include "libcni/runtime/cache.h"
#include "libcni/runtime/conf_dir.h"
#include "libcni/runtime/plugin_path.h"
#include "tools/cnitool/failure.h"

namespace cnitool {
namespace {

enum Group : unsigned { kPlace = 1, kWho = 2, kRun = 4, kOutput = 8, kConf = 16, kResult = 32 };

struct CommandSpec {
  const char* name;
  const char* alias;
  const char* words;
  const char* summary;
  unsigned groups;
};

constexpr unsigned kVerb = kPlace | kConf | kWho | kRun | kOutput;
constexpr CommandSpec kCommands[] = {
    {"add", "", "NET[,NET...] NETNS", "Attach a namespace to networks and print the result",
     kVerb | kResult},
    {"check", "", "NET[,NET...] NETNS", "Check that an attachment is unchanged since ADD", kVerb},
    {"del", "", "NET[,NET...] NETNS", "Detach a namespace; succeeds when it was never attached",
     kVerb},
    {"gc", "", "NET", "Delete attachments of a network that are not to be kept", kVerb},
    {"status", "", "[NET[,NET...]]", "Ask the plugins whether they can serve ADD",
     kPlace | kConf | kRun | kOutput},
    {"list", "show", "[NET]", "Networks found, or the plugins of one and their origin",
     kPlace | kOutput},
    {"validate", "lint", "[NET|FILE...]", "Look for mistakes in configurations",
     kPlace | kRun | kOutput},
    {"plugins", "version", "[TYPE...]", "Plugin binaries and the versions they support",
     kPlace | kRun | kOutput},
    {"attachments", "", "[NET]",
     "Attachments in the cache, and whether their namespaces still exist", kPlace | kOutput},
    {"exec", "", "VERB PLUGIN [NETNS]", "Run one plugin once and show the whole exchange", kVerb},
    {"convert", "", "[FILE]", "Rewrite a result in another version's shape", kResult},
    {"conformance", "", "BINARY", "Test a plugin binary against the specification",
     kPlace | kOutput},
    {"completion", "", "bash|zsh|fish", "Print a completion script for a shell", 0},
    {"help", "", "[COMMAND]", "Show help", 0},
};

constexpr char kExamples[] = R"(
Examples:
  cnitool add mynet /run/netns/pod1            attach; the result is printed as JSON
  cnitool add mynet --netns t --create-netns   the same with a new namespace "t"
  cnitool add mynet --create-netns --rm        attach a throw-away namespace and detach it again
  cnitool del mynet /run/netns/pod1            detach
  cnitool attachments                          who is attached, and is the namespace still there?
  cnitool gc mynet --keep-from ids --dry-run   what would garbage collection delete?
  cnitool validate                             look for mistakes in all of /etc/cni/net.d
  cnitool exec ADD bridge t --network mynet    one plugin call: environment, input, output, time
  source <(cnitool completion bash)            complete commands, options and network names

Environment: NETCONFPATH, CNI_PATH, CNI_ARGS (K=V;K2=V2), CAP_ARGS (a JSON object), CNI_IFNAME, NO_COLOR.
Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 10 plugin error, 11 try again later,
            50/51 STATUS says not ready, 124 timed out.)";

Format parse_format(const std::string& text) {
  constexpr std::array<std::pair<const char*, Format>, 4> kFormats{{{"json", Format::json},
                                                                    {"table", Format::table},
                                                                    {"wide", Format::wide},
                                                                    {"name", Format::name}}};
  for (const auto& [name, format] : kFormats) {
    if (text == name) return format;
  }
  throw UsageError("-o \"" + text + "\": there are json, table, wide and name");
}

void add_place(CLI::App& app, Options& o) {
  app.add_option("--conf-dir", o.conf_dir,
                 "Where *.conflist files are [NETCONFPATH, /etc/cni/net.d]");
  app.add_option_function<std::string>(
      "--plugin-path",
      [&o](const std::string& text) { o.plugin_dirs = runtime::PluginPath::split(text); },
      "Where plugins are, ':' between directories [CNI_PATH, /opt/cni/bin]");
  app.add_option("--cache-dir", o.cache_dir, "Where attachments are recorded [/var/lib/cni]");
}

void add_who(CLI::App& app, Options& o) {
  app.add_option("--container-id", o.container_id,
                 "Container ID [derived from the namespace's path]");
  app.add_option("--netns", o.netns,
                 "Namespace: path, name in /run/netns, or PID; then all words are networks");
  app.add_option("-i,--ifname", o.ifnames, "Interface name, one per network [CNI_IFNAME, eth0]")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--args", o.args, "CNI_ARGS pair K=V, repeatable")->allow_extra_args(false);
  app.add_option("--cap", o.caps,
                 "Capability argument NAME=VALUE, JSON or a plain string, repeatable")
      ->allow_extra_args(false);
  app.add_option("--cap-file", o.cap_file, "File with a JSON object of capability arguments");
}

void add_run(CLI::App& app, Options& o) {
  app.add_option_function<std::string>(
      "--timeout", [&o](const std::string& text) { o.timeout = parse_duration(text); },
      "Give up after this long: 5, 500ms, 2m");
  app.add_option("--retry", o.retry, "Number of further attempts when a plugin fails with code 11")
      ->check(CLI::NonNegativeNumber);
  app.add_flag(
      "-v,--verbose", [&o](std::int64_t n) { o.verbose = std::max(o.verbose, int(n)); },
      "Log every step with its time");
  app.add_flag(
      "--trace", [&o](std::int64_t) { o.verbose = 2; }, "Log the input and output of every plugin");
}

void add_output(CLI::App& app, Options& o) {
  app.add_option_function<std::string>(
      "-o,--output", [&o](const std::string& text) { o.format = parse_format(text); },
      "Output: json, table, wide or name");
  app.add_flag("--json", o.json, "Output and errors as JSON on standard output");
}

void add_groups(CLI::App& app, Options& o, unsigned groups) {
  if (groups & kPlace) add_place(app, o);
  if (groups & kConf)
    app.add_option("--conf", o.conf,
                   "The list's file instead of a name; '-' reads it from standard input");
  if (groups & kWho) add_who(app, o);
  if (groups & kRun) add_run(app, o);
  if (groups & kOutput) add_output(app, o);
  if (groups & kResult)
    app.add_option("--result-version", o.result_version,
                   "Print the result in this version's shape");
}

void add_own(CLI::App& app, Options& o, const std::string& name) {
  if (name == "add") {
    app.add_flag("--all", o.all, "Every network found, in the order of the files");
    app.add_flag("--create-netns", o.create_netns, "Create the namespace if it does not exist");
    app.add_flag(
        "--rm", o.remove_netns,
        "Detach again, after `-- COMMAND` if given, and remove a namespace that was created");
    app.add_flag("--steps", o.steps, "Show the result after each plugin of the chain");
    app.add_flag("--force", o.force, "Add even if the cache has this attachment already");
    app.add_flag("--keep-failed", o.keep_failed,
                 "Keep everything that a failed ADD made, for inspection");
  } else if (name == "del") {
    app.add_flag("--all", o.all, "Every attachment of the container, the latest first");
    app.add_flag("--continue", o.keep_going, "Go on with the next plugin after a failure");
    app.add_flag("--rm", o.remove_netns, "Remove the namespace afterwards");
  } else if (name == "check") {
    app.add_flag("--all", o.all, "Every attachment of the container");
  } else if (name == "gc") {
    app.add_option("--keep", o.keep, "Attachment to keep, ID:IFNAME, repeatable")
        ->allow_extra_args(false);
    app.add_option("--keep-from", o.keep_from,
                   "File of ID:IFNAME lines, or JSON from `attachments --json`");
    app.add_flag("--all", o.all, "Delete every attachment of the network");
    app.add_flag("--dry-run", o.dry_run, "List what would be deleted, and delete nothing");
    app.add_flag("--force", o.force, "Even if the cache has attachments of another owner");
  } else if (name == "attachments") {
    app.add_option("--container-id", o.container_id, "Only this container's");
  } else if (name == "exec") {
    app.add_option("--network", o.network, "Take the plugin's configuration from this network");
    app.add_option("--prev-result", o.prev_result, "File with the result to pass as prevResult");
    app.add_flag("--dry-run", o.dry_run, "Show the request and run nothing");
  } else if (name == "conformance") {
    app.add_option("--config", o.conf, "Configuration to test the plugin with");
    app.add_option("--row", o.rows, "Only this requirement, repeatable")->allow_extra_args(false);
    app.add_flag(
        "-v,--verbose", [&o](std::int64_t) { o.verbose = 1; }, "Show the rows that pass, too");
  }
}

/// The placeholder of an option's value in the help text, by the option's long name.
constexpr std::pair<std::string_view, const char*> kValueNames[] = {
    {"conf-dir", "DIR"},          {"plugin-path", "DIR[:DIR...]"},
    {"cache-dir", "DIR"},         {"conf", "FILE"},
    {"container-id", "ID"},       {"netns", "NETNS"},
    {"ifname", "NAME[,NAME...]"}, {"args", "K=V"},
    {"cap", "NAME=VALUE"},        {"cap-file", "FILE"},
    {"timeout", "TIME"},          {"retry", "N"},
    {"output", "FORMAT"},         {"result-version", "VERSION"},
    {"keep", "ID:IFNAME"},        {"keep-from", "FILE"},
    {"network", "NET"},           {"prev-result", "FILE"},
    {"config", "FILE"},           {"row", "ID"},
};

/// CLI11's help text with our own usage line, which names the positional words.
class Help : public CLI::Formatter {
 public:
  Help() { column_width(28); }
  std::string make_description(const CLI::App*) const override { return ""; }
  std::string make_usage(const CLI::App* app, std::string) const override {
    return usage_of(app->get_name()) + "\n" + app->get_description() + ".\n";
  }
  std::string make_footer(const CLI::App* app) const override {
    return app->get_footer().empty() ? "" : app->get_footer() + "\n";
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    for (const auto& [name, value] : kValueNames) {
      if (option->check_lname(std::string(name))) return std::string(" ") + value;
    }
    return "";
  }
};

/// Defines the whole grammar; values are stored in `o`. Options of every command are also accepted
/// before the command.
void define(CLI::App& app, Options& o) {
  app.footer(kExamples);
  app.formatter(std::make_shared<Help>());
  app.require_subcommand(0, 1);
  app.allow_extras();
  app.set_version_flag("--version", "cnitool " PLUMB_VERSION);
  add_place(app, o);
  app.add_option("-i,--ifname", o.ifnames, "Interface name, one per network [CNI_IFNAME, eth0]")
      ->delimiter(',')
      ->allow_extra_args(false);
  add_run(app, o);
  add_output(app, o);
  for (const CommandSpec& spec : kCommands) {
    CLI::App* command = app.add_subcommand(spec.name, spec.summary);
    if (*spec.alias != '\0') command->alias(spec.alias);
    command->allow_extras();
    command->footer("");
    command->add_option("words", o.words, spec.words)->group("");
    add_groups(*command, o, spec.groups);
    add_own(*command, o, spec.name);
    command->callback([&o, &spec] { o.command = spec.name; });
  }
}

[[noreturn]] void refuse_unknown(const CLI::App& app, const std::string& word) {
  const auto chosen = app.get_subcommands();
  const CLI::App& scope = chosen.empty() ? app : *chosen.front();
  if (word.starts_with("-")) {
    std::vector<std::string> names;
    for (const CLI::Option* option : scope.get_options()) {
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    }
    const std::vector<std::string_view> known(names.begin(), names.end());
    const std::string command = chosen.empty() ? "cnitool" : "cnitool " + scope.get_name();
    const std::string hint = base::did_you_mean(word.substr(0, word.find('=')), known);
    throw UsageError("unknown option \"" + word + "\"" +
                     (hint.empty() ? "; see " + command + " --help" : hint));
  }
  std::vector<std::string_view> known;
  for (const CommandSpec& spec : kCommands) {
    known.emplace_back(spec.name);
    if (*spec.alias != '\0') known.emplace_back(spec.alias);
  }
  const std::string hint = base::did_you_mean(word, known);
  throw UsageError("unknown command \"" + word + "\"" +
                   (hint.empty() ? "; see cnitool --help" : hint));
}

void take_environment(Options& o) {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (o.conf_dir.empty()) o.conf_dir = variable("NETCONFPATH");
  if (o.conf_dir.empty()) o.conf_dir = runtime::kDefaultConfDir;
  if (o.plugin_dirs.empty()) o.plugin_dirs = runtime::PluginPath::split(variable("CNI_PATH"));
  if (o.plugin_dirs.empty()) o.plugin_dirs = {"/opt/cni/bin"};
  if (o.ifnames.empty() && !variable("CNI_IFNAME").empty()) o.ifnames = {variable("CNI_IFNAME")};
  if (o.cache_dir.empty()) o.cache_dir = runtime::kDefaultCacheDir;
  if (o.json) o.format = Format::json;
}

std::variant<Options, std::string> help(const CLI::App& app,
                                        const std::vector<std::string>& words) {
  if (words.empty()) return app.help();
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->check_name(words.front())) return command->help();
  }
  refuse_unknown(app, words.front());
}

}  // namespace

std::variant<Options, std::string> parse_command_line(int argc, const char* const* argv) {
  Options options;
  CLI::App app("Attach network namespaces to CNI networks, look into them and clean up", "cnitool");
  define(app, options);
  const std::span<const char* const> all(argv, static_cast<std::size_t>(argc));
  std::vector<std::string> words(all.begin() + 1, all.end());
  const auto end = std::find(words.begin(), words.end(), "--");
  if (end != words.end()) options.program.assign(end + 1, words.end());
  words.erase(end, words.end());
  std::reverse(words.begin(), words.end());  // CLI11 takes its vector from the back
  try {
    app.parse(words);
  } catch (const CLI::CallForVersion& version) {
    return std::string(version.what()) + '\n';
  } catch (const CLI::Success&) {
    const auto chosen = app.get_subcommands();
    return chosen.empty() ? app.help() : chosen.front()->help();
  } catch (const CLI::ParseError& error) {
    throw UsageError(std::string(error.what()) + "; see cnitool --help");
  }
  const auto unknown = app.remaining(true);
  if (!unknown.empty()) refuse_unknown(app, unknown.front());
  if (options.command.empty()) throw UsageError("no command given; see cnitool --help");
  if (options.command == "help") return help(app, options.words);
  take_environment(options);
  return options;
}

runtime::CompletionGrammar describe_commands() {
  Options ignored;
  CLI::App app;
  define(app, ignored);
  runtime::CompletionGrammar all{"cnitool", runtime::describe_options(app)};
  for (const CommandSpec& spec : kCommands)
    all.commands.push_back({spec.name, spec.alias, spec.summary,
                            runtime::describe_options(*app.get_subcommand(spec.name))});
  return all;
}

std::string usage_of(const std::string& command) {
  for (const CommandSpec& spec : kCommands) {
    if (command != spec.name) continue;
    return "Usage: cnitool " + command + " " + spec.words + (spec.groups != 0 ? " [OPTIONS]" : "");
  }
  return "Usage: cnitool COMMAND [WORDS] [OPTIONS]";
}

}  // namespace cnitool
