// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "agent/client.h"
#include "agent/commands.h"
#include "agent/echo.h"
#include "libcni/json/object.h"
#include "libcni/spec/error.h"

namespace agent {
namespace {

constexpr int kTries = 3;
constexpr std::chrono::milliseconds kPatience(1000);

/// Nothing when no agent runs, or none that is ready to tell.
std::optional<json::Object> ask(const Config& config, const std::string& path) {
  const auto answer = ask_agent(config, "GET", path);
  if (!answer || answer->status != 200) return std::nullopt;
  return json::Object::parse(answer->body, path);
}

json::Object find_node(const json::Object& nodes, const std::string& name) {
  for (const auto& node : nodes.find_objects("nodes").value_or(std::vector<json::Object>{}))
    if (node.get_string("name") == name) return node;
  throw cni::Error(cni::Code::invalid_config,
                   "there is no node \"" + name + "\"; plumbd nodes lists them");
}

/// The ends of the tunnel have the first address of each range; a node that is reached by a plain
/// route has none of its pods' addresses itself.
std::vector<base::IpAddress> targets_of(const json::Object& node) {
  const bool tunnel = node.get_string("reachedBy").starts_with("vxlan");
  std::vector<base::IpAddress> targets;
  for (const std::string& text :
       node.find_strings(tunnel ? "ranges" : "addresses").value_or(std::vector<std::string>{})) {
    const auto address = base::IpAddress::parse(text.substr(0, text.find('/')));
    if (address) targets.push_back(*address);
  }
  return targets;
}

bool probe(const base::IpAddress& target, int size) {
  try {
    Echo echo(target);
    for (int i = 0; i < kTries; ++i) {
      if (const auto time = echo.ask(size, kPatience)) {
        std::cout << target.text() << ": " << size << " bytes, answered in " << time->count()
                  << " us\n";
        return true;
      }
    }
    const bool small = echo.ask(0, kPatience).has_value();
    std::cout << target.text() << ": no answer to " << size << " bytes"
              << (small ? ", but to small packets: something on the way has a smaller MTU\n"
                        : ", nor to small packets\n");
  } catch (const std::system_error& error) {
    std::cout << target.text() << ": " << error.what() << "\n";
  }
  return false;
}

}  // namespace

int probe_node(const Invocation& invocation) {
  const Config config = load_config_for_agent(invocation).config;
  const auto nodes = ask(config, "/nodes");
  const auto status = ask(config, "/status");
  if (!nodes || !status) {
    std::cerr << "plumbd: no plumbd answers on " << config.run_dir << "/plumbd.sock\n";
    return kFailed;
  }
  const json::Object node = find_node(*nodes, invocation.words.at(0));
  const auto mtu = static_cast<int>(status->find_int("podMtu").value_or(1280));
  std::cout << "node " << invocation.words.at(0) << ", reached by " << node.get_string("reachedBy")
            << "\n";
  bool all = true;
  for (const base::IpAddress& target : targets_of(node)) all = probe(target, mtu) && all;
  return all ? kOk : kFailed;
}

}  // namespace agent
