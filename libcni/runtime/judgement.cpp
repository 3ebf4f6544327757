// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/judgement.h"

#include <unistd.h>

#include <cstring>

#include <nlohmann/json.hpp>

#include "libcni/json/object.h"
#include "libcni/runtime/request.h"

namespace runtime {
namespace {

constexpr std::chrono::milliseconds kPatience{5000};

/// Without CNI_COMMAND a plugin does not take this for a call of a runtime.
std::vector<std::string> environment_without_cni() {
  std::vector<std::string> all;
  for (char** pair = environ; *pair != nullptr; ++pair)
    if (std::strncmp(*pair, "CNI_", 4) != 0) all.emplace_back(*pair);
  return all;
}

std::vector<std::string> lines_of(const nlohmann::json& answer, const char* key) {
  std::vector<std::string> lines;
  for (const auto& line : answer.value(key, nlohmann::json::array()))
    if (line.is_string()) lines.push_back(line.get<std::string>());
  return lines;
}

}  // namespace

std::string configuration_of(const PluginConf& plugin, const NetworkList& list) {
  std::string text = make_request(plugin, {.name = list.name, .version = list.version});
  std::string declared;
  for (const std::string& capability : plugin.capabilities)
    declared += (declared.empty() ? "" : ",") + json::quote(capability) + ":true";
  text.insert(text.size() - 1, ",\"capabilities\":{" + declared + "}");
  return text;
}

std::optional<Judgement> ask_parser(const ExecOptions& options, const std::string& path,
                                    const std::string& configuration) {
  base::Command command;
  command.path = path;
  command.argv = {path, "--validate"};
  command.environment = environment_without_cni();
  command.input = configuration;
  command.timeout = kPatience;
  command.on_stderr = [](std::string_view) {
  };  // the message of another suite's plugin about an unknown option
  const base::Outcome outcome = options.run(command);
  if (!outcome.ok()) return std::nullopt;
  const auto answer = nlohmann::json::parse(outcome.output, nullptr, false);
  const bool is_answer = answer.is_object() && answer.contains("plugin") &&
                         answer.contains("errors") && answer.contains("warnings");
  if (!is_answer) return std::nullopt;
  return Judgement{lines_of(answer, "errors"), lines_of(answer, "warnings")};
}

}  // namespace runtime
