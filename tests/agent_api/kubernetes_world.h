// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "agent/source/kubernetes/source.h"
#include "tests/agent_api/replay_server.h"
#include "tests/support/temp_dir.h"

namespace test {

/// A Kubernetes source of node1 and a double of its API server.
class KubernetesWorld : public testing::Test {
 protected:
  /// `where`: how the server listens.
  explicit KubernetesWorld(nlohmann::json where = nlohmann::json::object())
      : server(std::move(where)) {
    files.file("token", "token-1\n", 0600);
    config.node_name = "node1";
    config.source = agent::Config::SourceKind::kubernetes;
    config.fabric.backend = fabric::Backend::vxlan;
    write_kubeconfig("", "tokenFile: token");
  }

  void write_kubeconfig(const std::string& cluster, const std::string& user) {
    config.kubernetes.kubeconfig = files.file(
        "kubeconfig",
        "current-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n"
        "clusters: [{name: a, cluster: {server: '" +
            server.url() + "'" + cluster + "}}]\nusers: [{name: a, user: {" + user + "}}]\n",
        0600);
  }

  /// Captures log lines from here on.
  void start() {
    testing::internal::CaptureStderr();
    capturing_ = true;
    source = std::make_unique<agent::kubernetes::KubernetesSource>(
        config, loop, [this] { ++changes; }, timing);
    source->start();
  }
  ~KubernetesWorld() override { log(); }
  std::string log() {
    if (std::exchange(capturing_, false)) log_ = testing::internal::GetCapturedStderr();
    return log_;
  }

  /// Turns the loop until `done`, at most 10 s.
  template <typename Done>
  void turn_until(Done done) {
    const auto deadline = agent::Loop::Clock::now() + std::chrono::seconds(10);
    while (!done() && agent::Loop::Clock::now() < deadline)
      loop.turn(std::chrono::milliseconds(10));
    ASSERT_TRUE(done()) << source->status().state << "\n"
                        << nlohmann::json(server.requests()).dump(1);
  }
  std::string names() const {
    std::string names;
    for (const auto& node : source->snapshot().nodes) names += node.name + " ";
    return names;
  }
  /// An exchange that opens a stream, in which nothing happens.
  static nlohmann::json quiet(const std::string& target) {
    return {{"target", target}, {"text", "HTTP/1.1 200 OK\n\n"}, {"after", "hold"}};
  }
  /// The Status object of a refusal.
  static std::string status_body(int code, const std::string& message) {
    return nlohmann::json{{"kind", "Status"}, {"message", message}, {"code", code}}.dump();
  }

  const std::string list_version = "222";  ///< resourceVersion of nodes-list-200.http
  TempDir files;
  agent::Loop loop;
  agent::Config config;
  agent::kubernetes::Timing timing{.retry_least = std::chrono::milliseconds(10),
                                   .retry_most = std::chrono::milliseconds(100)};
  ReplayServer server;
  std::unique_ptr<agent::kubernetes::KubernetesSource> source;
  int changes = 0;

 private:
  bool capturing_ = false;
  std::string log_;
};

}  // namespace test
