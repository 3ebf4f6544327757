// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include <gtest/gtest.h>

#include "plugins/portmap/apply.h"
#include "tests/support/host/packet_world.h"

namespace portmap {

inline constexpr const char* kPort = R"({"hostPort":8080,"containerPort":80,"protocol":"tcp"})";
inline constexpr const char* kPortOfHostIp =
    R"({"hostPort":8080,"containerPort":80,"protocol":"tcp","hostIP":"192.0.2.1"})";

inline constexpr const char* kNft = R"("backend":"nftables",)";
inline constexpr const char* kIptables = R"("backend":"iptables",)";

/// The rules of every backend.
inline std::string rules() {
  return test::output_of(
      "nft list ruleset; for tool in iptables iptables-legacy ip6tables ip6tables-legacy; do "
      "$tool-save "
      "2>/dev/null; done");
}

/// Pods with host ports on a host with both of iptables' variants.
class PortmapPods : public ::testing::Test {
 protected:
  struct Pod {
    std::string id;
    std::string v4;
    std::string v6 = {};
    std::string network = "net1";
  };
  cni::Request request(cni::Verb verb, const Pod& pod, const std::string& more,
                       const std::string& ports = kPort) {
    cni::Request made =
        world_.host.request(verb,
                            R"({"cniVersion":"1.1.0","name":"net1","type":"portmap",)" + more +
                                R"("runtimeConfig":{"portMappings":[)" + ports + "]}}",
                            world_.pod);
    made.container_id = pod.id;
    made.network = pod.network;
    cni::Result result{.interfaces = {{.name = "eth0", .mac = "", .sandbox = "/run/netns/pod"}}};
    result.ips.push_back({.address = *base::Prefix::parse(pod.v4 + "/24"), .interface = 0});
    if (!pod.v6.empty())
      result.ips.push_back({.address = *base::Prefix::parse(pod.v6 + "/64"), .interface = 0});
    made.prev_result = result;
    return made;
  }
  void add_pod(const Pod& pod, const std::string& more, const std::string& ports = kPort) {
    add(request(cni::Verb::add, pod, more, ports));
  }
  void remove_pod(const Pod& pod, const std::string& more, const std::string& ports = "") {
    cni::Request made = request(cni::Verb::del, pod, more, ports);
    made.prev_result.reset();
    remove(made);
  }
  std::string refusal(const Pod& pod, const std::string& more, const std::string& ports = kPort) {
    try {
      add_pod(pod, more, ports);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "";
  }
  /// Puts a tool of this content first in $PATH.
  void shadow_tool(const std::string& name, const std::string& script) {
    const std::string file = tools_ / name;
    FILE* stream = ::fopen(file.c_str(), "w");
    ::fputs(("#!/bin/sh\n" + script + "\n").c_str(), stream);
    ::fclose(stream);
    ::chmod(file.c_str(), 0755);
    ::setenv("PATH", (tools_.path() + ":/usr/sbin:/usr/bin:/sbin:/bin").c_str(), 1);
  }

  const Pod pod_{"pod-one", test::PacketWorld::kPod, test::PacketWorld::kPod6};
  const Pod neighbour_{"pod-two", test::PacketWorld::kNeighbour, test::PacketWorld::kNeighbour6};
  const Pod gone_{"dead", "10.22.0.99", "fd00:22::99"};
  test::PacketWorld world_;
  test::TempDir tools_;
};

}  // namespace portmap
