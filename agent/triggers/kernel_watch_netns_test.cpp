// SPDX-License-Identifier: Apache-2.0
#include <sched.h>

#include <cstdlib>
#include <functional>

#include <gtest/gtest.h>

#include "agent/triggers/kernel_watch.h"
#include "libcni/fabric/apply.h"

namespace agent {
namespace {

using std::chrono::milliseconds;

base::IpAddress ip(const std::string& text) {
  return base::IpAddress::parse(text).value();
}

/// A namespace of the test's own, with a tunnel to b and c.
class KernelWatchTest : public testing::Test {
 protected:
  static void run(const std::string& command) { EXPECT_EQ(std::system(command.c_str()), 0); }

  static State state(const std::vector<fabric::Node>& nodes) {
    return {.self = nodes[0],
            .cluster = {.nodes = nodes},
            .underlay = {.parent = "eth0"},
            .options = {.backend = fabric::Backend::vxlan}};
  }
  void apply(const std::vector<fabric::Node>& nodes) {
    plan_ = make_plan(state(nodes));
    plan_.kernel.traffic.reset();
    EXPECT_TRUE(fabric::apply(netlink_, plan_.kernel).errors.empty());
    watch_.follow(state(nodes), plan_, {});
  }
  /// Returns whether the watch reports a change. The kernel queues events before a command ends.
  bool reports(const std::function<void()>& action) {
    loop_.turn(milliseconds(0));
    reports_ = 0;
    action();
    loop_.turn(milliseconds(0));
    return reports_ > 0;
  }

  struct Namespace {
    Namespace() {
      EXPECT_EQ(::unshare(CLONE_NEWNET), 0);
      run("ip link add eth0 type veth peer name far0; ip addr add 10.0.0.1/24 dev eth0; ip link "
          "set eth0 up");
    }
  };
  Namespace namespace_;
  Loop loop_;
  net::Netlink netlink_;
  int reports_ = 0;
  KernelWatch watch_{netlink_, loop_, [this] { ++reports_; }};
  NodePlan plan_;
  const std::vector<fabric::Node> nodes_ = {
      {.name = "a", .addresses = {ip("10.0.0.1")}, .ranges = {{ip("10.244.1.0"), 24}}},
      {.name = "b", .addresses = {ip("10.0.0.2")}, .ranges = {{ip("10.244.2.0"), 24}}},
      {.name = "c", .addresses = {ip("10.0.0.3")}, .ranges = {{ip("10.244.3.0"), 24}}}};
};

TEST_F(KernelWatchTest, ReportsWhenAnotherProgramRemovesAWantedObject) {
  apply(nodes_);
  for (const char* command :
       {"ip route del 10.244.2.0/24", "ip neigh del 10.244.3.0 dev plumb-vxlan",
        "bridge fdb del 02:76:0a:00:00:02 dev plumb-vxlan", "ip link set plumb-vxlan down"})
    EXPECT_TRUE(reports([&] { run(command); })) << command;
}

TEST_F(KernelWatchTest, ReportsWhenAnotherProgramTurnsForwardingOff) {
  for (const std::string key : {"net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"}) {
    EXPECT_FALSE(reports([&] { run("sysctl -qw " + key + "=1"); })) << key;
    EXPECT_TRUE(reports([&] { run("sysctl -qw " + key + "=0"); })) << key;
  }
  apply(nodes_);
  EXPECT_FALSE(reports([] { run("sysctl -qw net.ipv4.conf.eth0.forwarding=0"); }));
}

TEST_F(KernelWatchTest, ReportsWhenAnotherProgramReplacesOurRoute) {
  apply(nodes_);
  const std::vector lost{*base::Prefix::parse("10.244.2.0/24")};
  const auto replace = [] { run("ip route replace 10.244.2.0/24 via 10.0.0.9 proto static"); };
  EXPECT_TRUE(reports(replace));
  EXPECT_EQ(watch_.take_replaced_routes(), lost);
  watch_.follow(state(nodes_), plan_, lost);
  EXPECT_FALSE(reports(replace));
  EXPECT_FALSE(reports([] { run("ip route replace 10.99.0.0/24 via 10.0.0.9 proto static"); }));
  EXPECT_FALSE(reports([] { run("ip route replace 10.244.3.0/24 via 10.0.0.9 metric 7"); }));
}

TEST_F(KernelWatchTest, ReportsWhenALinkGetsAnAddressOfThisNodesPods) {  // K4
  apply(nodes_);
  EXPECT_FALSE(reports([] { run("ip link add br0 type bridge"); }));
  watch_.take_gateway_added();
  EXPECT_FALSE(reports([] { run("ip addr add 10.9.0.1/24 dev br0"); }));
  EXPECT_FALSE(reports([] { run("ip addr add 10.244.1.1/32 dev br0"); })) << "with each routed pod";
  EXPECT_FALSE(watch_.take_gateway_added());
  EXPECT_TRUE(reports([] { run("ip addr add 10.244.1.1/24 dev br0"); }));
  EXPECT_TRUE(watch_.take_gateway_added());
  EXPECT_FALSE(reports([] { run("ip addr del 10.244.1.1/24 dev br0"); }));
}

TEST_F(KernelWatchTest, IgnoresItsOwnProcessAndUnwantedObjects) {
  apply(nodes_);
  EXPECT_FALSE(reports([&] { apply({nodes_[0], nodes_[1]}); }));
  EXPECT_FALSE(reports([&] { apply(nodes_); }));
  run("bridge fdb add 02:00:00:00:00:09 dev plumb-vxlan dst 10.0.0.9 self permanent");
  EXPECT_FALSE(reports([] { run("bridge fdb del 02:00:00:00:00:09 dev plumb-vxlan"); }));
}

}  // namespace
}  // namespace agent
