// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/completion.h"

#include <iostream>
#include <map>

#include "agent/commands/command_line.h"
#include "agent/commands/commands.h"
#include "agent/config/keys.h"
#include "libcni/spec/error.h"

namespace agent {
namespace {

using runtime::Choices;
using Kind = Choices::Kind;

std::string keys_to_set() {
  std::string words;
  for (const std::string_view key : config_keys())
    if (key.find_first_of("[*") == key.npos) words += std::string(key) + "= ";
  return words;
}

void add_values(std::vector<runtime::CompletionOption>& options) {
  const std::map<std::string, Choices> values{
      {"--config", {Kind::files}},
      {"--run-dir", {Kind::folders}},
      {"--state-dir", {Kind::folders}},
      {"--from", {Kind::folders}},
      {"--to", {Kind::folders}},
      {"--format", {Kind::words, "nft iptables"}},
      {"--probe", {Kind::words, "alive ready"}},
      {"--set", {Kind::words, keys_to_set()}},
  };
  for (auto& option : options) {
    const std::string& name = option.spellings.back();
    if (const auto found = values.find(name); found != values.end()) option.values = found->second;
    option.passed_on = name == "--config" || name == "--run-dir" || name == "--set";
  }
}

}  // namespace

int print_completion(const CommandLine& command_line) {
  runtime::CompletionGrammar grammar = describe_commands();
  std::string names;
  for (const auto& command : grammar.commands) names += (names.empty() ? "" : " ") + command.name;
  const Choices nodes{Kind::command, "plumbd nodes {GIVEN} | sed \"1d;s/ .*//\""};
  const std::map<std::string, std::vector<Choices>> words{
      {"probe", {nodes, {}}},
      {"help", {{Kind::words, names}, {}}},
      {"completion", {{Kind::words, runtime::kShells}, {}}},
  };
  for (auto& command : grammar.commands) {
    add_values(command.options);
    if (const auto found = words.find(command.name); found != words.end())
      command.words = found->second;
  }
  const auto script = runtime::completion_script(grammar, command_line.words.at(0));
  if (!script) throw cni::Error(cni::Code::invalid_config, "unknown shell: use bash, zsh or fish");
  std::cout << *script;
  return kOk;
}

}  // namespace agent
