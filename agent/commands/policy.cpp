// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <iostream>
#include <optional>

#include "agent/commands/commands.h"
#include "agent/policy/cluster.h"
#include "agent/policy/explain.h"
#include "agent/policy/folder.h"
#include "agent/policy/plan.h"
#include "agent/policy/read.h"
#include "libcni/json/object.h"
#include "libcni/runtime/table.h"

namespace agent {
namespace {

using policy::Direction;

[[noreturn]] void refuse(const std::string& text) {
  throw cni::Error(cni::Code::invalid_config, text);
}

void warn(const std::vector<std::string>& problems) {
  for (const std::string& line : problems) std::cerr << "plumbd: warning: " << line << "\n";
}

policy::Objects read_objects(const Config& config, const std::string& folder) {
  const std::string& path = folder.empty() ? config.policies.folder : folder;
  if (path.empty())
    refuse("the folder of network policies is not set: set policies.folder, or name a folder");
  policy::Objects objects = policy::read_folder(path);
  warn(objects.problems);
  return objects;
}

/// Each policy, the pods that it selects and those of them on this node.
void list_policies(const policy::Cluster& cluster, const std::string& node) {
  runtime::Table table({"POLICY", "DIRECTIONS", "RULES", "PODS", "HERE"});
  for (const policy::NetworkPolicy* each : cluster.policies()) {
    std::size_t pods = 0, here = 0;
    for (const policy::LivePod& pod : cluster.pods()) {
      if (!policy::is_subject(*each, *pod.pod)) continue;
      ++pods;
      if (pod.pod->node == node) ++here;
    }
    std::string ways = each->isolates_ingress ? "ingress" : "";
    if (each->isolates_egress) ways += ways.empty() ? "egress" : ",egress";
    table.add({each->text(), ways, std::to_string(each->ingress.size() + each->egress.size()),
               std::to_string(pods), std::to_string(here)});
  }
  runtime::print(table);
}

void print_rules(const policy::PolicyTable& table) {
  warn(table.problems);
  std::cout << policy::print_table(table);
}

const policy::LivePod& pod_of(const policy::Cluster& cluster, const std::string& word) {
  const auto slash = word.find('/');
  const auto* pod = slash == word.npos
                        ? nullptr
                        : cluster.find_pod(word.substr(0, slash), word.substr(slash + 1));
  if (pod == nullptr)
    refuse("pod " + json::quote(word) +
           " is not running: expected NAMESPACE/NAME of a pod that is not on its node's own "
           "network");
  return *pod;
}

struct Target {
  std::uint8_t protocol;
  std::uint16_t port;
};

/// `80`, or `udp/53`.
Target target_of(const std::string& word) {
  const auto slash = word.find('/');
  std::string protocol = slash == word.npos ? "tcp" : word.substr(0, slash);
  for (char& c : protocol)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  const std::string number = slash == word.npos ? word : word.substr(slash + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), port);
  const auto found = policy::find_protocol(protocol);
  if (!found || port == 0 || error != std::errc() || end != number.data() + number.size())
    refuse(json::quote(word) + " is not a port: expected such as 80, udp/53 or sctp/9000");
  return {*found, port};
}

void print_decision(const policy::Decision& decision, const char* way, const policy::Pod& pod) {
  std::cout << "  " << way << " of " << pod.ns << "/" << pod.name << ", on node "
            << (pod.node.empty() ? "(none)" : pod.node) << ": ";
  if (decision.isolating.empty()) {
    std::cout << "open, no policy isolates it\n";
    return;
  }
  if (decision.allowed()) {
    std::cout << "allowed by " << decision.rule << "\n";
    return;
  }
  std::cout << "refused, no rule of these policies allows it"
            << (decision.too_much ? ", because they have too many rules:" : ":");
  for (const std::string& each : decision.isolating) std::cout << " " << each;
  std::cout << "\n";
}

void explain(const policy::Cluster& cluster, const policy::Packet& packet) {
  const auto egress = policy::decide(cluster, packet, Direction::egress);
  const auto ingress = policy::decide(cluster, packet, Direction::ingress);
  const bool allowed = egress.allowed() && ingress.allowed();
  std::cout << packet.from.text() << " -> " << packet.to.text() << " "
            << policy::protocol_text(packet.protocol) << " " << packet.port << ": "
            << (allowed ? "allowed" : "refused") << "\n";
  print_decision(egress, "egress", *packet.source.pod);
  print_decision(ingress, "ingress", *packet.destination.pod);
}

}  // namespace

int show_policy(const CommandLine& command_line) {
  const std::string& word = command_line.words.front();
  if (word != "rules" && word != "list") {
    std::cerr << "plumbd: policy takes `list` or `rules`, not " << json::quote(word)
              << "; see plumbd policy --help\n";
    return kUsage;
  }
  const Config config = load_config(command_line);
  const policy::Objects objects =
      read_objects(config, command_line.words.size() > 1 ? command_line.words[1] : "");
  if (word == "list")
    list_policies(policy::Cluster(objects), config.node_name);
  else
    print_rules(policy::make_table(objects, {config.node_name, config.ranges}));
  return kOk;
}

int explain_policies(const CommandLine& command_line) {
  if (command_line.words.size() != 3)
    refuse("explain takes two pods and a port, such as default/web default/db 5432");
  const policy::Objects objects = read_objects(load_config(command_line), "");
  const policy::Cluster cluster(objects);
  const policy::LivePod& source = pod_of(cluster, command_line.words[0]);
  const policy::LivePod& destination = pod_of(cluster, command_line.words[1]);
  const Target target = target_of(command_line.words[2]);
  std::size_t pairs = 0;
  for (const base::IpAddress& from : source.addresses)
    for (const base::IpAddress& to : destination.addresses) {
      if (from.family() != to.family()) continue;
      ++pairs;
      explain(cluster, {source, destination, from, to, target.protocol, target.port});
    }
  if (pairs == 0) refuse("the pods do not have addresses of the same family yet");
  return kOk;
}

}  // namespace agent
