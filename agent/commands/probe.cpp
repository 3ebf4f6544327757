// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iostream>

#include "agent/commands/client.h"
#include "agent/commands/commands.h"
#include "agent/commands/icmp_echo.h"
#include "libcni/json/object.h"
#include "libcni/spec/error.h"

namespace agent {
namespace {

constexpr int kTries = 3;
constexpr std::chrono::milliseconds kPatience(1000);
constexpr const char* kNarrow =
    "  next: compare the MTU of the links and tunnels between the nodes with that of this node's "
    "link\n"
    "  (plumbd status), or set mtu in plumbd.yaml on every node to a size that passes.\n";

/// The agent's answer; nothing when no agent runs or it has no plan yet.
std::optional<json::Object> ask(const Config& config, const std::string& path) {
  const auto answer = ask_agent(config, "GET", path);
  if (!answer || answer->status != 200) return std::nullopt;
  return read_for_people(answer->body, path);
}

json::Object find_node(const json::Object& nodes, const std::string& name) {
  for (const auto& node : nodes.find_objects("nodes").value_or(std::vector<json::Object>{}))
    if (node.get_string("name") == name) return node;
  throw cni::Error(cni::Code::invalid_config,
                   "no node is called \"" + name + "\"; plumbd nodes lists them");
}

using Addresses = std::vector<base::IpAddress>;

/// The addresses of a list of addresses or ranges: a tunnel's end has the first address of its
/// range.
Addresses addresses_of(const json::Object& node, std::string_view key) {
  Addresses addresses;
  for (const std::string& text : node.find_strings(key).value_or(std::vector<std::string>{})) {
    const auto address = base::IpAddress::parse(text.substr(0, text.find('/')));
    if (address) addresses.push_back(*address);
  }
  return addresses;
}

/// A node and the way to it.
struct Target {
  std::string node;
  std::string reached_by;
  Addresses addresses = {};               ///< of the node itself
  std::string tunnel_port = {};           ///< UDP; empty: the packets go through no tunnel
  std::vector<std::string> missing = {};  ///< objects that this node's kernel lacks for it
};

Target target_of(const json::Object& node, const json::Object& plan) {
  Target target{.node = node.get_string("name"),
                .reached_by = node.get_string("reachedBy"),
                .addresses = addresses_of(node, "addresses"),
                .missing = node.find_strings("missing").value_or(std::vector<std::string>{})};
  const auto overlays = plan.find_objects("overlays").value_or(std::vector<json::Object>{});
  if (target.reached_by.starts_with("vxlan") && !overlays.empty())
    target.tunnel_port = std::to_string(overlays.front().find_int("port").value_or(0));
  return target;
}

/// The first address that answers a small packet; `problem` is why one cannot be reached.
std::optional<base::IpAddress> find_answering(const Addresses& addresses, std::string& problem) {
  for (const base::IpAddress& address : addresses) {
    try {
      if (Echo(address).ask(0, kPatience)) return address;
    } catch (const std::system_error& error) {
      problem = error.what();
    }
  }
  return std::nullopt;
}

/// Suggests what to check next, as far as this node can see.
std::string advice_of(const Target& target) {
  if (!target.missing.empty())
    return "  next: this node's kernel lacks " + target.missing.front() +
           "; see plumbd diff and plumbd status.\n";
  std::string problem;
  const auto near = find_answering(target.addresses, problem);
  const std::string node = "node " + json::quote(target.node);
  if (!near && !problem.empty())
    return "  next: " + node + " itself cannot be reached: " + problem + ".\n";
  if (!near)
    return "  next: " + node +
           " itself does not answer a ping either. Check whether it runs, whether the " +
           "network between the\n  nodes carries packets to it, and whether a firewall drops "
           "ping.\n";
  if (target.tunnel_port.empty())
    return "  next: " + near->text() + " of " + node +
           " answers: check the path to this address.\n";
  return "  next: " + node + " itself (" + near->text() +
         ") answers without the tunnel. Check whether UDP port " + target.tunnel_port +
         " passes\n  between the nodes in both directions (plumbd firewall prints rules for it), "
         "and whether " +
         "plumbd\n  there is healthy (plumbd status) and lists this node (plumbd nodes).\n";
}

bool probe(const Target& target, const base::IpAddress& address, int size) {
  try {
    Echo echo(address);
    for (int i = 0; i < kTries; ++i) {
      if (const auto time = echo.ask(size, kPatience)) {
        std::cout << address.text() << ": " << size << " bytes, answered in " << time->count()
                  << " us\n";
        return true;
      }
    }
    const bool small = echo.ask(0, kPatience).has_value();
    std::cout << address.text() << ": no answer to " << size << " bytes"
              << (small ? ", only to small packets: a link on the way has a smaller MTU\n"
                        : ", nor to small packets\n")
              << (small ? kNarrow : advice_of(target));
  } catch (const std::system_error& error) {
    std::cout << address.text() << ": " << error.what() << "\n";
  }
  return false;
}

/// Reports chains that drop forwarded packets: pods' packets pass them, the probe's packets do not.
bool report_drops(const json::Object& status) {
  bool found = false;
  for (const auto& condition :
       status.find_objects("conditions").value_or(std::vector<json::Object>{})) {
    const std::string name = condition.get_string("name");
    if (name != "forward-dropped" && name != "forward-chains-unreadable") continue;
    found = true;
    for (const std::string& line :
         condition.find_strings("lines").value_or(std::vector<std::string>{}))
      std::cout << "forwarding on this node: " << line << "\n";
  }
  return found;
}

}  // namespace

int probe_node(const CommandLine& command_line) {
  const Config config = load_config_for_agent(command_line).config;
  const auto nodes = ask(config, "/nodes");
  const auto status = ask(config, "/status");
  if (!nodes || !status) {
    std::cerr << "plumbd: no plumbd answers on " << config.run_dir << "/plumbd.sock\n";
    return kFailed;
  }
  const json::Object node = find_node(*nodes, command_line.words.at(0));
  const auto plan = ask(config, "/plan");
  const Target target = target_of(node, plan.value_or(json::Object{}));
  const auto mtu = static_cast<int>(status->find_int("podMtu").value_or(1280));
  // The ends of the tunnel have addresses of pods' ranges; a node that is reached by a plain route
  // has none of its pods' addresses itself.
  const bool tunnel = target.reached_by.starts_with("vxlan");
  std::cout << "node " << target.node << ", reached by " << target.reached_by << "\n";
  bool all = !report_drops(*status);
  for (const base::IpAddress& address : addresses_of(node, tunnel ? "ranges" : "addresses"))
    all = probe(target, address, mtu) && all;
  return all ? kOk : kFailed;
}

}  // namespace agent
