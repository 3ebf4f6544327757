// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "agent/commands/commands.h"
#include "agent/policy/folder.h"
#include "agent/policy/plan.h"
#include "libcni/json/object.h"

namespace agent {
namespace {

void report_problems(const policy::Objects& objects) {
  for (const std::string& line : objects.problems) std::cerr << "plumbd: warning: " << line << "\n";
}

int print_rules(const CommandLine& command_line, const std::string& folder) {
  const Config config = load_config(command_line);
  const policy::Objects objects = policy::read_folder(folder);
  report_problems(objects);
  const policy::Place place{config.node_name, config.ranges};
  std::cout << policy::print_table(policy::make_table(objects, place));
  return kOk;
}

}  // namespace

int show_policy(const CommandLine& command_line) {
  const std::string& word = command_line.words.front();
  if (word == "rules" && command_line.words.size() == 2)
    return print_rules(command_line, command_line.words.back());
  std::cerr << "plumbd: policy takes `rules FOLDER`, not " << json::quote(word)
            << "; see plumbd policy --help\n";
  return kUsage;
}

}  // namespace agent
