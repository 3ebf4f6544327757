// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "agent/commands/client.h"
#include "agent/commands/commands.h"
#include "libcni/base/utf8.h"

namespace agent {

int answer_probe(const CommandLine& command_line) {
  const bool ready = command_line.probe == "ready";
  const Config config = load_config_for_agent(command_line).config;
  const auto answer = ask_agent(config, "GET", ready ? "/readyz" : "/healthz");
  if (!answer) {
    std::cerr << "plumbd: no plumbd answers on " << config.run_dir << "/plumbd.sock\n";
    return kFailed;
  }
  std::cout << base::printable(answer->body, "\n");
  return answer->status == 200 ? kOk : kFailed;
}

}  // namespace agent
