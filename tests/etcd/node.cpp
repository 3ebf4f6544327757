// SPDX-License-Identifier: Apache-2.0
#include "tests/etcd/node.h"

namespace test {

Node::Node(const std::string& url, const std::string& address) {
  config.node_name = "node-" + address;
  config.addresses = {base::IpAddress::parse(address).value()};
  config.source = agent::Config::SourceKind::etcd;
  config.etcd.endpoints = {url};
  config.state_dir = state_dir.path();
}

void Node::start() {
  source_.reset();
  source_ = agent::make_etcd_source(config, loop_, [this] { ++changes_; });
  source_->start();
}

bool Node::wait_for(const std::function<bool()>& reached, std::chrono::milliseconds patience) {
  const auto end = agent::Loop::Clock::now() + patience;
  while (!reached()) {
    if (agent::Loop::Clock::now() >= end) return false;
    loop_.turn(std::chrono::milliseconds(50));
  }
  return true;
}

bool Node::wait_for_range() {
  return wait_for(
      [this] { return !own_ranges().empty() && state().find("; range ") != std::string::npos; });
}

std::string Node::ranges_of(const std::string& name) const {
  std::string text;
  for (const auto& node : snapshot().nodes)
    if (node.name == name)
      for (const auto& range : node.ranges) text += (text.empty() ? "" : " ") + range.text();
  return text;
}

std::string Node::problems() const {
  std::string text;
  for (const std::string& problem : snapshot().problems) text += problem + "\n";
  return text;
}

std::string flannel_record(const std::string& address) {
  return R"({"PublicIP":")" + address +
         R"(","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,)"
         R"("VtepMAC":"c6:d2:32:6f:8f:44"}})";
}

}  // namespace test
