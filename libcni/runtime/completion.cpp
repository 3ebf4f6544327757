// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/completion.h"

#include <algorithm>
#include <set>

namespace runtime {
namespace {

using Kind = Choices::Kind;
using Options = std::vector<CompletionOption>;

constexpr char kBash[] =
    R"sh(# bash completion of {PROGRAM}; load it with: source <({PROGRAM} completion bash)
_{PROGRAM}() {
  local word=${COMP_WORDS[COMP_CWORD]} command='' option='' place=0 i
  local -a given=()
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ -n $option ]]; then
      [[ ${COMP_WORDS[i]} != = ]] || continue
      case $option in {PASSED_ON}) given+=("$option" "${COMP_WORDS[i]}") ;; esac
      option=''
      continue
    fi
    case ${COMP_WORDS[i]} in
      {TAKE_VALUES}) option=${COMP_WORDS[i]} ;;
      -*) ;;
      *) if [[ -z $command ]]; then command=${COMP_WORDS[i]}; else place=$((place + 1)); fi ;;
    esac
  done
  [[ $word != = ]] || word=''
  if [[ -n $option ]]; then
    case $option in
{VALUES}    esac
    return
  fi
  if [[ $word == -* ]]; then
    case $command in
{OPTIONS}    esac
    return
  fi
  if [[ -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W '{COMMANDS}' -- "$word")
    return
  fi
  case $command:$place in
{WORDS}  esac
}
complete -F _{PROGRAM} {PROGRAM}
)sh";

constexpr char kZsh[] =
    R"sh(#compdef {PROGRAM}
# zsh completion of {PROGRAM}; load it with: source <({PROGRAM} completion zsh)
_{PROGRAM}() {
  local command='' option='' place=0 i
  local -a given values commands
  for ((i = 2; i < CURRENT; i++)); do
    if [[ -n $option ]]; then
      case $option in ({PASSED_ON}) given+=("$option" "$words[i]") ;; esac
      option=''
      continue
    fi
    case $words[i] in
      ({TAKE_VALUES}) option=$words[i] ;;
      (-*) ;;
      (*) if [[ -z $command ]]; then command=$words[i]; else place=$((place + 1)); fi ;;
    esac
  done
  if [[ -z $option && $PREFIX == --*=* ]]; then
    option=${PREFIX%%=*}
    compset -P '*='
  fi
  if [[ -n $option ]]; then
    case $option in
{VALUES}    esac
    return
  fi
  if [[ $PREFIX == -* ]]; then
    case $command in
{OPTIONS}    esac
    return
  fi
  if [[ -z $command ]]; then
    commands=(
{DESCRIBED}    )
    _describe command commands
    return
  fi
  case $command:$place in
{WORDS}  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _{PROGRAM} "$@"; else compdef _{PROGRAM} {PROGRAM}; fi
)sh";

constexpr char kFish[] =
    R"sh(# fish completion of {PROGRAM}; load it with: {PROGRAM} completion fish | source
# Sets __{PROGRAM}_command, __{PROGRAM}_place and __{PROGRAM}_given from what stands before the cursor.
function __{PROGRAM}_look
  set -g __{PROGRAM}_command ''
  set -g __{PROGRAM}_place 0
  set -g __{PROGRAM}_given
  set -l option ''
  for word in (commandline -opc)[2..-1]
    if test -n "$option"
      if contains -- $option {PASSED_ON}
        set -a __{PROGRAM}_given $option $word
      end
      set option ''
      continue
    end
    if contains -- $word {TAKE_VALUES}
      set option $word
    else if not string match -q -- '-*' $word
      if test -z "$__{PROGRAM}_command"
        set __{PROGRAM}_command $word
      else
        set __{PROGRAM}_place (math $__{PROGRAM}_place + 1)
      end
    end
  end
end
# Whether one of the commands $argv was given; '' for none yet.
function __{PROGRAM}_in
  __{PROGRAM}_look
  contains -- "$__{PROGRAM}_command" $argv
end
# Whether the word at place $argv[1] of one of the commands $argv[2..] is asked for.
function __{PROGRAM}_at
  __{PROGRAM}_in $argv[2..-1]; and test $__{PROGRAM}_place -eq $argv[1]
end
# The same for that place and all after it.
function __{PROGRAM}_from
  __{PROGRAM}_in $argv[2..-1]; and test $__{PROGRAM}_place -ge $argv[1]
end
complete -c {PROGRAM} -f
)sh";

void replace(std::string& text, const std::string& placeholder, const std::string& with) {
  for (std::size_t at = 0; (at = text.find(placeholder, at)) != std::string::npos;
       at += with.size())
    text.replace(at, placeholder.size(), with);
}

std::string quoted(std::string text, const char* quote_mark) {
  replace(text, "'", quote_mark);
  return "'" + text + "'";
}

std::string joined(const std::vector<std::string>& words, const char* separator) {
  std::string all;
  for (const auto& word : words) all += (all.empty() ? "" : separator) + word;
  return all;
}

std::vector<std::string> names_of(const CompletionCommand& command) {
  if (command.alias.empty()) return {command.name};
  return {command.name, command.alias};
}

std::vector<std::string> spellings_of(const Options& options) {
  std::vector<std::string> all;
  for (const auto& option : options)
    all.insert(all.end(), option.spellings.begin(), option.spellings.end());
  return all;
}

/// Lists each option once, whether it belongs before or after the command.
Options all_options(const CompletionGrammar& grammar) {
  Options all;
  std::set<std::string> seen;
  const auto add = [&](const Options& options) {
    for (const auto& option : options)
      if (seen.insert(joined(option.spellings, " ")).second) all.push_back(option);
  };
  add(grammar.options);
  for (const auto& command : grammar.commands) add(command.options);
  return all;
}

std::vector<std::string> spellings_where(const CompletionGrammar& grammar,
                                         bool CompletionOption::*flag) {
  Options some = all_options(grammar);
  std::erase_if(some, [&](const auto& option) { return !(option.*flag); });
  std::vector<std::string> all = spellings_of(some);
  if (all.empty()) all.emplace_back("--");  // never matches an option; the shell needs some pattern
  return all;
}

std::string bash_choices(const Choices& choices) {
  const std::string fill = "mapfile -t COMPREPLY < <(compgen ";
  const std::string files = "compopt -o filenames 2>/dev/null; ";
  std::string text = choices.text;
  replace(text, "{GIVEN}", "\"${given[@]}\"");
  switch (choices.kind) {
    case Kind::files:
      return files + fill + "-f -- \"$word\")";
    case Kind::folders:
      return files + fill + "-d -- \"$word\")";
    case Kind::words:
      text = quoted(text, R"('\'')");
      break;
    case Kind::command:
      text = "\"$(" + text + " 2>/dev/null)\"";
      break;
    case Kind::nothing:
      return ":";
  }
  return (choices.files_too ? files : "") + fill + (choices.files_too ? "-f " : "") + "-W " + text +
         " -- \"$word\")";
}

std::string zsh_choices(const Choices& choices) {
  std::string text = choices.text;
  replace(text, "{GIVEN}", "\"${given[@]}\"");
  const std::string files = choices.files_too ? "; _files" : "";
  switch (choices.kind) {
    case Kind::files:
      return "_files";
    case Kind::folders:
      return "_files -/";
    case Kind::words:
      return "compadd -- " + text + files;
    case Kind::command:
      return "values=(${(f)\"$(" + text + " 2>/dev/null)\"}); compadd -a values" + files;
    case Kind::nothing:
      break;
  }
  return ":";
}

std::string fish_choices(const Choices& choices, const std::string& program) {
  std::string text = choices.text;
  replace(text, "{GIVEN}", "$__" + program + "_given");
  const std::string files = choices.files_too ? " -F" : " -f";
  switch (choices.kind) {
    case Kind::files:
      return " -F";
    case Kind::folders:
      return " -f -a '(__fish_complete_directories)'";
    case Kind::words:
      return files + " -a " + quoted(text, R"(\')");
    case Kind::command:
      return files + " -a " + quoted("(" + text + " 2>/dev/null)", R"(\')");
    case Kind::nothing:
      break;
  }
  return " -f";
}

using Print = std::string (*)(const Choices&);

std::string value_cases(const CompletionGrammar& grammar, Print print) {
  std::string all;
  for (const auto& option : all_options(grammar))
    if (option.takes_value)
      all += "      (" + joined(option.spellings, "|") + ") " + print(option.values) + " ;;\n";
  return all;
}

std::string option_cases(const CompletionGrammar& grammar, const std::string& before,
                         const std::string& after) {
  std::string all = "      ('') " + before + joined(spellings_of(grammar.options), " ") + after;
  for (const auto& command : grammar.commands)
    all += "      (" + joined(names_of(command), "|") + ") " + before +
           joined(spellings_of(command.options), " ") + after;
  return all;
}

std::string word_cases(const CompletionGrammar& grammar, Print print) {
  std::string all;
  for (const auto& command : grammar.commands)
    for (std::size_t i = 0; i < command.words.size(); ++i) {
      const std::string place = i + 1 == command.words.size() ? "*" : std::to_string(i);
      std::vector<std::string> patterns = names_of(command);
      for (std::string& pattern : patterns) pattern += ":" + place;
      all += "    (" + joined(patterns, "|") + ") " + print(command.words[i]) + " ;;\n";
    }
  return all;
}

std::string fish_option(const std::string& start, const CompletionOption& option,
                        const std::string& program) {
  std::string line = start;
  for (const auto& one : option.spellings)
    line += one.starts_with("--") ? " -l " + one.substr(2) : " -s " + one.substr(1);
  if (option.takes_value) line += " -r" + fish_choices(option.values, program);
  return line + " -d " + quoted(option.summary, R"(\')") + "\n";
}

std::string fish_lines(const CompletionGrammar& grammar) {
  const std::string& program = grammar.program;
  const std::string start = "complete -c " + program + " -n ";
  const auto condition = [&](const std::string& function, const std::string& words) {
    return start + "\"__" + program + "_" + function + " " + words + "\"";
  };
  std::string all;
  for (const auto& option : grammar.options)
    all += fish_option(condition("in", "''"), option, program);
  for (const auto& command : grammar.commands) {
    const std::string names = joined(names_of(command), " ");
    all += condition("in", "''") + " -f -a " + command.name + " -d " +
           quoted(command.summary, R"(\')") + "\n";
    for (const auto& option : command.options)
      all += fish_option(condition("in", names), option, program);
    for (std::size_t i = 0; i < command.words.size(); ++i) {
      const bool last = i + 1 == command.words.size();
      all += condition(last ? "from" : "at", std::to_string(i) + " " + names) +
             fish_choices(command.words[i], program) + "\n";
    }
  }
  return all;
}

std::string described(const CompletionGrammar& grammar) {
  std::string all;
  for (const auto& command : grammar.commands)
    all += "      " + quoted(command.name + ":" + command.summary, R"('\'')") + "\n";
  return all;
}

std::string command_names(const CompletionGrammar& grammar) {
  std::string all;
  for (const auto& command : grammar.commands) all += (all.empty() ? "" : " ") + command.name;
  return all;
}

}  // namespace

std::optional<std::string> completion_script(const CompletionGrammar& grammar,
                                             const std::string& shell) {
  const bool bash = shell == "bash";
  const bool fish = shell == "fish";
  if (!bash && !fish && shell != "zsh") return std::nullopt;
  std::string script = bash ? kBash : fish ? kFish + fish_lines(grammar) : kZsh;
  const char* separator = fish ? " " : "|";
  const Print print = bash ? bash_choices : zsh_choices;
  replace(script, "{PASSED_ON}",
          joined(spellings_where(grammar, &CompletionOption::passed_on), separator));
  replace(script, "{TAKE_VALUES}",
          joined(spellings_where(grammar, &CompletionOption::takes_value), separator));
  if (!fish) {
    replace(script, "{VALUES}", value_cases(grammar, print));
    replace(script, "{OPTIONS}",
            bash ? option_cases(grammar, "mapfile -t COMPREPLY < <(compgen -W '",
                                "' -- \"$word\") ;;\n")
                 : option_cases(grammar, "compadd -- ", " ;;\n"));
    replace(script, "{WORDS}", word_cases(grammar, print));
    replace(script, "{DESCRIBED}", described(grammar));
    replace(script, "{COMMANDS}", command_names(grammar));
  }
  replace(script, "{PROGRAM}", grammar.program);
  return script;
}

}  // namespace runtime
