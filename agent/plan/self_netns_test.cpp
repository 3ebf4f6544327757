// SPDX-License-Identifier: Apache-2.0
// U1, P17 and rule (g): this node's addresses and MTU, whatever the order of links, addresses and
// routes.
#include <sched.h>

#include <algorithm>
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/plan/self.h"
#include "libcni/fabric/apply.h"
#include "libcni/fabric/ways.h"

namespace agent {
namespace {

using testing::ElementsAre;

class OwnAddresses : public testing::Test {
 protected:
  OwnAddresses() { reset(); }
  void reset() {
    netlink_.reset();
    EXPECT_EQ(::unshare(CLONE_NEWNET), 0);
    netlink_.emplace();
    run("ip link set lo up; sysctl -qw net.ipv6.conf.all.accept_dad=0 "
        "net.ipv6.conf.default.accept_dad=0; ip link add up1 type ifb; ip link add up2 type "
        "ifb; ip link set up1 up; ip link set up2 up");
  }
  static void run(const std::string& command) {
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
  }
  std::vector<std::string> find(const std::string& parent = "") {
    std::vector<std::string> texts;
    for (const auto& each : find_own_addresses(*netlink_, parent, peers_))
      texts.push_back(each.text());
    return texts;
  }
  /// The same, whatever the order in which `commands` are run.
  void expect_always(std::vector<std::string> commands, const std::vector<std::string>& wanted) {
    std::ranges::sort(commands);
    do {
      reset();
      for (const std::string& command : commands) run(command);
      EXPECT_EQ(find(), wanted) << testing::PrintToString(commands);
    } while (std::ranges::next_permutation(commands).found);
  }
  void add_peer(const std::string& address) {
    peers_.push_back({.name = "p" + std::to_string(peers_.size()),
                      .addresses = {*base::IpAddress::parse(address)}});
  }

  std::optional<net::Netlink> netlink_;
  std::vector<fabric::Node> peers_;
};

/// U1: the documents' own example, on the node that has the address which was asked for.
TEST_F(OwnAddresses, MayBeThoseOfDocuments) {
  run("ip addr add 192.0.2.1/24 dev up1; ip route add default via 192.0.2.254");
  EXPECT_THAT(find(), ElementsAre("192.0.2.1"));
  reset();
  run("ip -6 addr add 2001:db8::1/64 dev up1 nodad; ip -6 route add default via 2001:db8::fe dev "
      "up1");
  EXPECT_THAT(find(), ElementsAre("2001:db8::1"));
}

TEST_F(OwnAddresses, AreOnTheLinkOfTheDefaultRouteWithTheLowestMetric) {
  expect_always({"ip addr add 10.0.0.1/24 dev up1; ip route add default via 10.0.0.254 metric 200",
                 "ip addr add 10.9.0.1/24 dev up2; ip route add default via 10.9.0.254 metric 100",
                 "ip -6 addr add fd00:9::1/64 dev up2 nodad"},
                {"10.9.0.1", "fd00:9::1"});
}

TEST_F(OwnAddresses, AreFoundWhenABetterLinkIsUnusable) {
  // The better route's link has no address of its own, the best one's is down.
  run("ip link add up0 type ifb; ip link set up0 up; ip addr add 10.5.0.1/24 dev up0; ip route "
      "add default via 10.5.0.254 metric 1; ip link set up0 down; ip addr add 10.0.0.1/24 dev up1; "
      "ip route add default dev up2 metric 10; ip route add default via 10.0.0.254 metric 20");
  EXPECT_THAT(find(), ElementsAre("10.0.0.1"));
}

TEST_F(OwnAddresses, AreInTheSubnetOfTheGateway) {
  expect_always({"ip addr add 10.0.0.9/24 dev up1; ip route add default via 10.0.0.254",
                 "ip addr add 10.0.0.1/32 dev up1", "ip addr add 10.7.0.1/24 dev up1"},
                {"10.0.0.9"});
  run("ip addr add 10.0.0.2/24 dev up1");  // a secondary one
  EXPECT_THAT(find(), ElementsAre("10.0.0.9"));
}

TEST_F(OwnAddresses, AreNotDeprecatedOnesWhileThereAreOthers) {
  expect_always(
      {"ip -6 addr add fd00::1/64 dev up1 nodad preferred_lft 0",
       "ip -6 addr add fd00::5/64 dev up1 nodad", "ip -6 route add default via fe80::1 dev up1"},
      {"fd00::5"});
}

TEST_F(OwnAddresses, WithoutADefaultRouteAreOnTheWayToTheOtherNodes) {
  run("ip addr add 10.0.0.1/24 dev up1; ip addr add 10.9.0.1/24 dev up2");
  EXPECT_THROW(find(), std::system_error);
  add_peer("10.9.0.2");
  EXPECT_THAT(find(), ElementsAre("10.9.0.1"));
  add_peer("10.0.0.2");
  run("ip route add 10.3.0.0/24 via 10.0.0.3");
  add_peer("10.3.0.7");
  EXPECT_THAT(find(), ElementsAre("10.0.0.1"));
}

/// P17: not that of the link which has the address.
TEST_F(OwnAddresses, HaveTheMtuOfTheNarrowestWayToTheOtherNodes) {
  run("ip link add holder mtu 9000 type ifb; ip link set holder up; ip addr add 10.77.0.1/32 dev "
      "holder; ip link set up2 mtu 9000; ip addr add 10.0.0.1/24 dev up1; ip addr add 10.9.0.1/24 "
      "dev up2; ip route add default via 10.0.0.254");
  const auto address = *base::IpAddress::parse("10.77.0.1");
  EXPECT_EQ(fabric::find_underlay(*netlink_, address).mtu, 1500) << "no other node yet";
  EXPECT_EQ(fabric::find_mtu_to(*netlink_, peers_, AF_INET), std::nullopt);
  add_peer("10.9.0.2");
  add_peer("10.77.0.1");  // this node itself
  EXPECT_EQ(fabric::find_mtu_to(*netlink_, peers_, AF_INET), 9000);
  add_peer("10.99.0.2");
  EXPECT_EQ(fabric::find_mtu_to(*netlink_, peers_, AF_INET), 1500);
  std::ranges::reverse(peers_);
  EXPECT_EQ(fabric::find_mtu_to(*netlink_, peers_, AF_INET), 1500);
  EXPECT_EQ(fabric::find_mtu_to(*netlink_, peers_, AF_INET6), std::nullopt);
}

base::Mac mac(const char* text) {
  return *base::Mac::parse(text);
}

/// L2: a MAC that another node publishes is not this node's, whatever the order of names.
TEST(OwnMacs, DifferFromThoseOfOtherNodes) {
  const auto v4 = *base::IpAddress::parse("10.0.0.1");
  const auto v6 = *base::IpAddress::parse("fd00::1");
  fabric::Node self{.name = "n1", .addresses = {v4, v6}};
  choose_macs(self, {});
  EXPECT_EQ(self.mac, fabric::vtep_mac("n1", v4));
  EXPECT_EQ(self.mac_v6, fabric::vtep_mac("n1", v6));
  EXPECT_NE(fabric::vtep_mac("n1", v4), fabric::vtep_mac("n2", v4));
  EXPECT_NE(fabric::vtep_mac("n1", v4), fabric::vtep_mac("n1", v6));
  EXPECT_EQ(self.mac->bytes[0] & 3, 2) << "unicast, locally administered";

  // A published MAC stays: flannel's, or that of an earlier plumbd.
  self.mac = mac("02:76:0a:00:00:01");
  choose_macs(self, {self, {.name = "n2", .addresses = {*base::IpAddress::parse("10.0.0.2")}}});
  EXPECT_EQ(self.mac, mac("02:76:0a:00:00:01"));
  // A stale node of this address publishes the same MAC, or has it because it publishes none.
  for (const char* name : {"a", "z"})
    for (const auto& listed :
         {std::optional(mac("02:76:0a:00:00:01")), std::optional<base::Mac>()}) {
      self.mac = mac("02:76:0a:00:00:01");
      choose_macs(self, {self, {.name = name, .addresses = {v4}, .mac = listed}});
      EXPECT_EQ(self.mac, fabric::vtep_mac("n1", v4));
    }
}

/// L4: a published MAC exists.
TEST_F(OwnAddresses, ArePublishedWithTheMacsOfFlannelsDevicesWhileTheseExist) {
  fabric::Node self{.name = "n1", .mac = mac("02:76:0a:00:00:01")};
  take_macs_of_flannel(*netlink_, 1, self);
  EXPECT_EQ(self.mac, mac("02:76:0a:00:00:01"));
  run("ip link add flannel.1 address 5e:00:00:00:00:01 type vxlan id 1 dstport 8472; ip link add "
      "flannel-v6.1 address 5e:00:00:00:00:06 type vxlan id 1 dstport 8472 local fd00::1");
  take_macs_of_flannel(*netlink_, 1, self);
  EXPECT_EQ(self.mac, mac("5e:00:00:00:00:01"));
  EXPECT_EQ(self.mac_v6, mac("5e:00:00:00:00:06"));
  run("ip link set flannel.1 alias plumb:fabric address 5e:00:00:00:00:02");
  take_macs_of_flannel(*netlink_, 1, self);
  EXPECT_EQ(self.mac, mac("5e:00:00:00:00:01")) << "plumbd's own device follows the plan";
}

}  // namespace
}  // namespace agent
