// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/runtime_conf.h"

#include "libcni/base/names.h"
#include "libcni/runtime/raw_json.h"
#include "libcni/spec/error.h"

namespace runtime {

Args parse_args_text(std::string_view text) {
  Args args;
  while (!text.empty()) {
    const auto semicolon = text.find(';');
    const auto pair = text.substr(0, semicolon);
    const auto equals = pair.find('=');
    const bool one =
        equals != std::string_view::npos && pair.find('=', equals + 1) == std::string_view::npos;
    if (!one || equals == 0 || equals + 1 == pair.size())
      throw cni::Error(cni::Code::invalid_environment,
                       "invalid CNI_ARGS pair \"" + std::string(pair) + "\"",
                       "must look like K=V;K2=V2");
    args.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
    if (semicolon == std::string_view::npos) break;
    text.remove_prefix(semicolon + 1);
    if (text.empty())
      throw cni::Error(cni::Code::invalid_environment, "invalid CNI_ARGS pair \"\"",
                       "must look like K=V;K2=V2 without a semicolon at the end");
  }
  return args;
}

std::string args_text(const Args& args) {
  std::string text;
  for (const auto& [key, value] : args) text += (text.empty() ? "" : ";") + key + "=" + value;
  return text;
}

CapabilityArgs parse_capability_args(std::string_view text) {
  CapabilityArgs args;
  const auto document = parse_document(text, "", "capability arguments");
  for (const RawMember& member : split_object(text)) args[member.key] = member.text;
  return args;
}

void require_valid(const RuntimeConf& conf, const std::string& network) {
  if (conf.container_id.empty())
    throw cni::Error(cni::Code::unknown_container, "missing container ID");
  if (!base::is_identifier(conf.container_id))
    throw cni::Error(cni::Code::invalid_environment,
                     "invalid characters in container ID \"" + conf.container_id + "\"",
                     "must be a letter or digit, then letters, digits, '_', '.' or '-'");
  if (network.empty()) throw cni::Error(cni::Code::invalid_config, "missing network name");
  if (!base::is_identifier(network))
    throw cni::Error(cni::Code::invalid_config,
                     "invalid characters found in network name \"" + network + "\"",
                     "must be a letter or digit, then letters, digits, '_', '.' or '-'");
  if (const auto problem = base::ifname_problem(conf.ifname); !problem.empty())
    throw cni::Error(cni::Code::invalid_environment,
                     "invalid interface name \"" + conf.ifname + "\": " + problem);
}

}  // namespace runtime
