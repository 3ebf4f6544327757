// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace runtime {

/// The choices at one place of a command line.
struct Choices {
  enum class Kind { nothing, files, folders, words, command };
  Kind kind = Kind::nothing;
  /// Words separated by spaces; or a shell command that prints one choice per line. In the command,
  /// `{GIVEN}` is replaced by the options given so far that are `passed_on`.
  std::string text = {};
  bool files_too = false;  ///< in addition to words or a command
};

struct CompletionOption {
  std::vector<std::string> spellings;  ///< such as `-o` and `--output`
  std::string summary = {};
  bool takes_value = false;
  Choices values = {};
  bool passed_on = false;  ///< also passed to the commands of Choices
};

/// The options of `app`, a CLI::App: a template, because this library does without CLI11.
template <class App>
std::vector<CompletionOption> describe_options(const App& app) {
  std::vector<CompletionOption> all;
  for (const auto* option : app.get_options()) {
    CompletionOption one{{}, option->get_description(), option->get_items_expected_max() > 0};
    for (const auto& name : option->get_snames()) one.spellings.push_back("-" + name);
    for (const auto& name : option->get_lnames()) one.spellings.push_back("--" + name);
    if (!one.spellings.empty()) all.push_back(std::move(one));
  }
  return all;
}

struct CompletionCommand {
  std::string name;
  std::string alias = {};
  std::string summary = {};
  std::vector<CompletionOption> options = {};
  std::vector<Choices> words = {};  ///< by place; the last one also serves all further places
};

/// A program's command line: `PROGRAM [OPTIONS] COMMAND [OPTIONS] [WORDS]`.
struct CompletionGrammar {
  std::string program;
  std::vector<CompletionOption> options = {};  ///< options that may come before the command
  std::vector<CompletionCommand> commands = {};
};

inline constexpr const char* kShells = "bash zsh fish";

/// The completion script for `shell`, one of kShells; nothing for any other.
std::optional<std::string> completion_script(const CompletionGrammar& grammar,
                                             const std::string& shell);

}  // namespace runtime
