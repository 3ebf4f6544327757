// SPDX-License-Identifier: Apache-2.0
// The BGP part of a node alone, for tests: each line of standard input is
//   {"config": {as in plumbd's file}, "nodes": {"nodes": [...]}, "services": [...]}
// and each line of standard output {"applied": "<error or nothing>"} or, for {"status": true}, the
// status.
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <iostream>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "agent/config/config.h"
#include "agent/drivers/bird/driver.h"
#include "agent/drivers/bird/plan.h"
#include "agent/loop/loop.h"
#include "libcni/fabric/apply.h"
#include "libcni/json/object.h"
#include "libcni/net/netlink.h"
#include "libcni/nodes/node_list.h"

namespace {

using agent::Config;
using agent::Loop;
namespace bird = agent::bird;

std::vector<base::IpAddress> addresses(const json::Object& service, std::string_view key) {
  std::vector<base::IpAddress> out;
  for (const std::string& each : service.find_strings(key).value_or(std::vector<std::string>()))
    out.push_back(base::IpAddress::parse(each).value());
  return out;
}

agent::Snapshot read_cluster(const json::Object& request) {
  agent::Snapshot cluster;
  cluster.nodes = nodes::parse_nodes(request.text_of("nodes"), "nodes").nodes;
  for (const json::Object& each :
       request.find_objects("services").value_or(std::vector<json::Object>()))
    cluster.services.push_back(
        {.name = each.get_string("name"),
         .cluster_ips = addresses(each, "clusterIPs"),
         .external_ips = addresses(each, "externalIPs"),
         .load_balancer_ips = addresses(each, "loadBalancerIPs"),
         .local_policy = each.get_bool("local"),
         .endpoint_nodes =
             each.find_strings("endpointNodes").value_or(std::vector<std::string>())});
  return cluster;
}

class BgpNode {
 public:
  BgpNode() {
    loop_.watch(STDIN_FILENO, EPOLLIN, [this](Loop::Events) { read_input(); });
    loop_.run();
  }

 private:
  void read_input() {
    std::array<char, 65536> buffer;
    const ssize_t size = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (size <= 0) return loop_.stop();
    input_.append(buffer.data(), static_cast<std::size_t>(size));
    for (std::size_t end; (end = input_.find('\n')) != std::string::npos;) {
      const std::string line = input_.substr(0, end);
      input_.erase(0, end + 1);
      const json::Object request = json::Object::parse(line, "request");
      if (request.get_bool("status"))
        print_status();
      else
        apply(request);
    }
  }

  void apply(const json::Object& request) {
    try {
      const Config config = agent::parse_config(request.text_of("config"), "config");
      const agent::Snapshot cluster = read_cluster(request);
      const fabric::Node* self = nullptr;
      for (const fabric::Node& node : cluster.nodes)
        if (node.name == config.node_name) self = &node;
      if (self == nullptr) throw std::invalid_argument("no node is called " + config.node_name);
      if (!driver_) {
        driver_ = std::make_unique<bird::Driver>(config.bgp, loop_);
        driver_->start();
      }
      const auto underlay = fabric::find_underlay(netlink_, self->addresses.front());
      driver_->apply(bird::plan(config.bgp, cluster, {*self, underlay, config.fabric}),
                     [](const std::string& error) {
                       print({{"applied", error}});
                     });
    } catch (const std::exception& error) {
      print({{"applied", error.what()}});
    }
  }

  void print_status() const {
    const bird::Status status = driver_ ? driver_->status() : bird::Status();
    nlohmann::json peers = nlohmann::json::array();
    for (const bird::PeerStatus& peer : status.peers)
      peers.push_back({{"peer", peer.peer},
                       {"address", peer.address.text()},
                       {"state", peer.state},
                       {"since", peer.since},
                       {"imported", peer.imported},
                       {"exported", peer.exported},
                       {"error", peer.error}});
    print({{"running", status.running},
           {"current", status.current},
           {"state", status.state},
           {"warning", status.warning},
           {"peers", peers},
           {"reconfigurations", status.reconfigurations},
           {"refusals", status.refusals},
           {"undone", status.undone}});
  }

  static void print(const nlohmann::json& answer) { std::cout << answer.dump() << std::endl; }

  Loop loop_;
  net::Netlink netlink_;
  std::unique_ptr<bird::Driver> driver_;
  std::string input_;
};

}  // namespace

int main() {
  try {
    BgpNode();
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "bgp_node: " << error.what() << '\n';
    return 1;
  }
}
