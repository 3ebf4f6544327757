// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "plugins/firewall/apply.h"
#include "tests/support/host/packet_world.h"

namespace firewall_plugin {

using W = test::PacketWorld;

inline constexpr const char* kIptables = R"("backend":"iptables",)";
inline constexpr const char* kNftables = R"("backend":"nftables",)";

struct Pod {
  std::string id;
  std::string v4;
  std::string v6 = {};
};
inline const Pod kPod{"c1", W::kPod, W::kPod6};
inline const Pod kNeighbour{"c2", W::kNeighbour, W::kNeighbour6};

inline cni::Result result_of(const Pod& pod) {
  cni::Result result{.interfaces = {{.name = "br0", .mac = ""},
                                    {.name = "eth0", .mac = "", .sandbox = "/run/netns/pod"}}};
  result.ips.push_back({.address = *base::Prefix::parse(pod.v4 + "/24"), .interface = 1});
  if (!pod.v6.empty())
    result.ips.push_back({.address = *base::Prefix::parse(pod.v6 + "/64"), .interface = 1});
  return result;
}

/// Table filter of iptables and ip6tables, without counters.
inline std::string filter(const std::string& variant = "") {
  return test::output_of("for tool in iptables" + variant + " ip6tables" + variant +
                         "; do $tool-save -t filter | sed '/^#/d; s/ \\[.*\\]$//'; done");
}

/// All of nf_tables, without counters: they count the kernel's own packets, too.
inline std::string rules_with_handles() {
  return test::output_of("nft -a list ruleset | sed 's/packets [0-9]* bytes [0-9]*//'");
}

/// Pods behind a bridge, and a machine outside that has a route to them.
class Firewall : public ::testing::Test {
 protected:
  Firewall() {
    for (const char* route : {"10.22.0.0/24 via 192.0.2.1", "fd00:22::/64 via 2001:db8::1"})
      test::output_in(world_.outside, "ip route add " + std::string(route));
  }
  cni::Request request(cni::Verb verb, const Pod& pod, const std::string& more = "") {
    cni::Request made = world_.host.request(
        verb, R"({"cniVersion":"1.1.0",)" + more + R"("name":"net1","type":"firewall"})",
        world_.pod);
    made.container_id = pod.id;
    made.prev_result = result_of(pod);
    return made;
  }
  void add_pod(const Pod& pod, const std::string& more = "") {
    EXPECT_EQ(add(request(cni::Verb::add, pod, more)), result_of(pod));  // S-223
  }
  void remove_pod(const Pod& pod, const std::string& more = "") {
    remove(request(cni::Verb::del, pod, more));
  }
  void remove_pod_without_result(const Pod& pod) {
    cni::Request made = request(cni::Verb::del, pod);
    made.prev_result.reset();
    remove(made);
  }
  void check_pod(const Pod& pod, const std::string& more = "") {
    verify(request(cni::Verb::check, pod, more));
  }
  /// The source address that the machine outside sees, for a connection from the first pod.
  std::string reaches_outside(const char* target) const {
    return world_.tcp(world_.outside, 80, &world_.pod, {target, 80});
  }
  void collect(const std::vector<cni::Attachment>& valid, const std::string& network = "net1") {
    cni::Request gc = request(cni::Verb::gc, kPod);
    gc.network = network;
    gc.valid_attachments = valid;
    collect_garbage(gc);
  }

  test::PacketWorld world_;
};

/// As Docker sets it.
inline void let_forward_drop() {
  test::output_of("iptables -P FORWARD DROP; ip6tables -P FORWARD DROP");
}

}  // namespace firewall_plugin
