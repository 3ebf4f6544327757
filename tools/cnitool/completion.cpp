// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iostream>

#include "tools/cnitool/command_line.h"
#include "tools/cnitool/commands.h"
#include "tools/cnitool/failure.h"

namespace cnitool {
namespace {

// Placeholders: {COMMANDS} their names, {DESCRIBED} zsh's list of them, {CASES} the options of
// each, and below, shell text that lists what there is at the moment of completion.
constexpr const char* kLists[][2] = {
    {"{NETWORKS}", "cnitool list -o name 2>/dev/null"},
    {"{PLUGINS}", "cnitool plugins -o name 2>/dev/null"},
    {"{NAMESPACES}", "ls /run/netns 2>/dev/null"},
    {"{CONTAINERS}", "cnitool attachments -o name 2>/dev/null | sed 's/:[^:]*$//' | sort -u"},
    {"{TAKES_NETWORK}", "add|check|del|gc|status|list|show|validate|lint|attachments"},
};

constexpr char kBash[] =
    R"sh(# bash completion of cnitool; load it with: source <(cnitool completion bash)
_cnitool() {
  local word=$2 previous=$3 command='' place=0 options='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      -*) ;;
      *) if [[ -z $command ]]; then command=${COMP_WORDS[i]}; else place=$((place + 1)); fi ;;
    esac
  done
  case $previous in
    --conf-dir|--cache-dir|--plugin-path) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
    --conf|--config|--cap-file|--keep-from|--prev-result) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    -o|--output) mapfile -t COMPREPLY < <(compgen -W 'json table wide name' -- "$word"); return ;;
    --netns) mapfile -t COMPREPLY < <(compgen -W "$({NAMESPACES})" -- "$word"); return ;;
    --network) mapfile -t COMPREPLY < <(compgen -W "$({NETWORKS})" -- "$word"); return ;;
    --container-id) mapfile -t COMPREPLY < <(compgen -W "$({CONTAINERS})" -- "$word"); return ;;
  esac
  if [[ -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W '{COMMANDS} --help --version' -- "$word")
    return
  fi
  case $command in
{CASES}  esac
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    return
  fi
  case $command:$place in
    validate:*|lint:*) mapfile -t COMPREPLY < <(compgen -f -W "$({NETWORKS})" -- "$word") ;;
    completion:0) mapfile -t COMPREPLY < <(compgen -W 'bash zsh fish' -- "$word") ;;
    help:0) mapfile -t COMPREPLY < <(compgen -W '{COMMANDS}' -- "$word") ;;
    exec:0) mapfile -t COMPREPLY < <(compgen -W 'ADD DEL CHECK GC STATUS VERSION' -- "$word") ;;
    exec:1|plugins:*|version:*) mapfile -t COMPREPLY < <(compgen -W "$({PLUGINS})" -- "$word") ;;
    conformance:*|convert:*) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    *:0) mapfile -t COMPREPLY < <(compgen -W "$({NETWORKS})" -- "$word") ;;
    *) mapfile -t COMPREPLY < <(compgen -f -- "${word:-/run/netns/}") ;;
  esac
}
complete -o filenames -F _cnitool cnitool
)sh";

constexpr char kZsh[] = R"sh(#compdef cnitool
# zsh completion of cnitool; load it with: source <(cnitool completion zsh)
_cnitool() {
  local -a commands options values
  commands=(
{DESCRIBED}  )
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  case $words[2] in
{CASES}  esac
  case $words[CURRENT-1] in
    -o|--output) compadd json table wide name; return ;;
    --netns) values=(${(f)"$({NAMESPACES})"}); compadd -a values; return ;;
    --network) values=(${(f)"$({NETWORKS})"}); compadd -a values; return ;;
    --container-id) values=(${(f)"$({CONTAINERS})"}); compadd -a values; return ;;
    --conf-dir|--cache-dir|--plugin-path) _files -/; return ;;
    --conf|--config|--cap-file|--keep-from|--prev-result) _files; return ;;
  esac
  if [[ $PREFIX == -* ]]; then compadd -- ${(s: :)options}; return; fi
  case $words[2]:$CURRENT in
    completion:3) compadd bash zsh fish ;;
    exec:3) compadd ADD DEL CHECK GC STATUS VERSION ;;
    exec:4|plugins:*|version:*) values=(${(f)"$({PLUGINS})"}); compadd -a values ;;
    ({TAKES_NETWORK}):3) values=(${(f)"$({NETWORKS})"}); compadd -a values ;;
    *) _files ;;
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _cnitool "$@"; else compdef _cnitool cnitool; fi
)sh";

constexpr char kFish[] =
    R"sh(# fish completion of cnitool; load it with: cnitool completion fish | source
complete -c cnitool -n __fish_use_subcommand -f
{FISH}complete -c cnitool -n '__fish_seen_subcommand_from (string split "|" "{TAKES_NETWORK}")' -a '({NETWORKS})'
complete -c cnitool -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'
complete -c cnitool -n '__fish_seen_subcommand_from exec' -a 'ADD DEL CHECK GC STATUS VERSION'
complete -c cnitool -n '__fish_seen_subcommand_from exec plugins version' -a '({PLUGINS})'
complete -c cnitool -l netns -x -a '({NAMESPACES})'
complete -c cnitool -s o -l output -x -a 'json table wide name'
)sh";

void replace(std::string& text, const std::string& placeholder, const std::string& with) {
  for (std::size_t at = 0; (at = text.find(placeholder, at)) != std::string::npos;
       at += with.size()) {
    text.replace(at, placeholder.size(), with);
  }
}

std::string quoted(std::string text) {
  replace(text, "'", R"('\'')");
  return "'" + text + "'";
}

std::string command_names(const std::vector<CommandWords>& commands) {
  std::string all;
  for (const auto& command : commands) all += (all.empty() ? "" : " ") + command.name;
  return all;
}

std::string described(const std::vector<CommandWords>& commands) {
  std::string all;
  for (const auto& command : commands) {
    all += "    " + quoted(command.name + ":" + command.summary) + "\n";
  }
  return all;
}

/// A `case` branch for each command that sets $options.
std::string cases(const std::vector<CommandWords>& commands) {
  std::string all;
  for (const auto& command : commands) {
    std::string spellings;
    for (const auto& option : command.options) {
      for (const auto& one : option.spellings) spellings += (spellings.empty() ? "" : " ") + one;
    }
    const std::string names = command.name + (command.alias.empty() ? "" : "|" + command.alias);
    all += "    " + names + ") options=" + quoted(spellings) + " ;;\n";
  }
  return all;
}

std::string fish_lines(const std::vector<CommandWords>& commands) {
  std::string all;
  for (const auto& command : commands) {
    all += "complete -c cnitool -n __fish_use_subcommand -a " + command.name + " -d " +
           quoted(command.summary) + "\n";
    for (const auto& option : command.options) {
      all += "complete -c cnitool -n " + quoted("__fish_seen_subcommand_from " + command.name);
      for (const auto& one : option.spellings) {
        all += one.starts_with("--") ? " -l " + one.substr(2) : " -s " + one.substr(1);
      }
      all +=
          (option.takes_value ? " -r" : "") + std::string(" -d ") + quoted(option.summary) + "\n";
    }
  }
  return all;
}

}  // namespace

int run_completion(const Options& options) {
  constexpr std::pair<std::string_view, const char*> kShells[] = {
      {"bash", kBash}, {"zsh", kZsh}, {"fish", kFish}};
  const std::string shell = options.words.empty() ? "" : options.words.front();
  const auto found = std::find_if(std::begin(kShells), std::end(kShells),
                                  [&](const auto& entry) { return entry.first == shell; });
  if (found == std::end(kShells)) {
    throw UsageError("completion needs a shell. " + usage_of("completion"));
  }
  const auto commands = describe_commands();
  std::string script = found->second;
  replace(script, "{COMMANDS}", command_names(commands));
  replace(script, "{DESCRIBED}", described(commands));
  replace(script, "{CASES}", cases(commands));
  replace(script, "{FISH}", fish_lines(commands));
  for (const auto& [placeholder, text] : kLists) replace(script, placeholder, text);
  std::cout << script;
  return kOk;
}

}  // namespace cnitool
