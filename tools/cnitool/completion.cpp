// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/completion.h"

#include <algorithm>
#include <iostream>
#include <map>

#include "tools/cnitool/command_line.h"
#include "tools/cnitool/commands.h"
#include "tools/cnitool/failure.h"

namespace cnitool {
namespace {

using runtime::Choices;
using Kind = Choices::Kind;

const Choices kNothing{};
const Choices kFiles{Kind::files};
const Choices kFolders{Kind::folders};
const Choices kNetworks{Kind::command, "cnitool list -o name {GIVEN}"};
const Choices kPlugins{Kind::command, "cnitool plugins -o name {GIVEN}"};
const Choices kNamespaces{Kind::command, "ls /run/netns", true};
const Choices kContainers{Kind::command,
                          "cnitool attachments -o name {GIVEN} | sed \"s/:[^:]*$//\" | sort -u"};

/// The possible values of an option, by its long name.
const std::map<std::string, Choices>& values() {
  static const std::map<std::string, Choices> kValues{
      {"--conf-dir", kFolders},
      {"--cache-dir", kFolders},
      {"--plugin-path", kFolders},
      {"--conf", kFiles},
      {"--config", kFiles},
      {"--cap-file", kFiles},
      {"--keep-from", kFiles},
      {"--prev-result", kFiles},
      {"--netns", kNamespaces},
      {"--network", kNetworks},
      {"--container-id", kContainers},
      {"--keep", {Kind::command, "cnitool attachments -o name {GIVEN}"}},
      {"--output", {Kind::words, "json table wide name"}},
  };
  return kValues;
}

std::map<std::string, std::vector<Choices>> words_of(const std::string& commands) {
  const std::vector<Choices> verb{kNetworks, kNamespaces, kNothing};
  return {
      {"add", verb},
      {"check", verb},
      {"del", verb},
      {"gc", {kNetworks, kNothing}},
      {"status", {kNetworks, kNothing}},
      {"list", {kNetworks, kNothing}},
      {"validate", {{kNetworks.kind, kNetworks.text, true}}},
      {"plugins", {kPlugins}},
      {"attachments", {kNetworks, kNothing}},
      {"exec", {{Kind::words, "ADD DEL CHECK GC STATUS VERSION"}, kPlugins, kNamespaces, kNothing}},
      {"convert", {kFiles}},
      {"conformance", {{kPlugins.kind, kPlugins.text, true}}},
      {"completion", {{Kind::words, runtime::kShells}, kNothing}},
      {"help", {{Kind::words, commands}, kNothing}},
  };
}

void add_values(std::vector<runtime::CompletionOption>& options) {
  for (auto& option : options) {
    const auto found = values().find(option.spellings.back());
    if (found != values().end()) option.values = found->second;
    option.passed_on = found != values().end() && found->second.kind == Kind::folders;
  }
}

runtime::CompletionGrammar grammar() {
  runtime::CompletionGrammar all = describe_commands();
  std::string names;
  for (const auto& command : all.commands) names += (names.empty() ? "" : " ") + command.name;
  auto words = words_of(names);
  add_values(all.options);
  for (auto& command : all.commands) {
    add_values(command.options);
    command.words = words[command.name];
  }
  return all;
}

}  // namespace

int run_completion(const Options& options) {
  const std::string shell = options.words.empty() ? "" : options.words.front();
  const auto script = runtime::completion_script(grammar(), shell);
  if (!script) throw UsageError("completion needs a shell. " + usage_of("completion"));
  std::cout << *script;
  return kOk;
}

}  // namespace cnitool
