// SPDX-License-Identifier: Apache-2.0
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/fabric/apply.h"
#include "libcni/fabric/traffic.h"
#include "tests/support/host/packet_world.h"

namespace fabric {
namespace {

using test::output_in;
using test::output_of;
using test::PacketWorld;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Lt;
using ::testing::Not;
using ::testing::SizeIs;

base::IpAddress address(const std::string& text) {
  return base::IpAddress::parse(text).value();
}
base::Prefix prefix(const std::string& text) {
  return base::Prefix::parse(text).value();
}

Desired with(const Traffic& traffic) {
  Desired desired;
  desired.traffic = traffic;
  return desired;
}

Traffic example() {
  return {.own_ranges = {prefix("10.22.0.0/24"), prefix("fd00:22::/64")},
          .cluster_ranges = {prefix("10.22.0.0/16"), prefix("fd00:22::/48")},
          .no_masquerade = {prefix("198.51.100.0/24")},
          .vxlan_ports = {4789},
          .vnis = {1},
          .vteps = {address("192.0.2.2"), address("2001:db8::2")},
          .parent = "eth0",
          .tunnel_sources = {{address("192.0.2.2"), prefix("10.22.2.0/24")},
                             {address("192.0.2.2"), prefix("fd00:22:0:2::/64")},
                             {address("192.0.2.2"), prefix("192.0.2.2/32")},
                             {address("2001:db8::2"), prefix("10.22.2.0/24")},
                             {address("2001:db8::2"), prefix("fd00:22:0:2::/64")}}};
}

class FabricTraffic : public ::testing::Test {
 protected:
  Report apply_traffic(const Traffic& traffic) {
    Report report = apply(netlink_, with(traffic));
    EXPECT_THAT(report.errors, IsEmpty());
    return report;
  }
  test::PacketWorld world_;
  net::Netlink netlink_;
};

TEST_F(FabricTraffic, TableIsWrittenOnceAndReadable) {
  EXPECT_GT(apply_traffic(example()).requests, 0u);
  const std::string table = output_of("nft list table inet plumb");
  EXPECT_THAT(table, AllOf(HasSubstr("elements = { 10.22.0.0/24 }"), HasSubstr("192.0.2.2"),
                           HasSubstr("priority raw"), HasSubstr("udp dport 4789"),
                           HasSubstr("ip saddr != @vteps4 counter packets 0"), HasSubstr("notrack"),
                           HasSubstr("masquerade fully-random")));
  const Report again = apply_traffic(example());
  EXPECT_EQ(again.requests, 0u);
  EXPECT_THAT(again.changes, IsEmpty());
  EXPECT_EQ(output_of("nft list table inet plumb"), table);
}

TEST_F(FabricTraffic, KeepsATableOfAnotherProgram) {
  output_of(
      "nft add table inet plumb; nft add chain inet plumb theirs; "
      "nft add rule inet plumb theirs counter comment theirs");
  const std::string theirs = output_of("nft list table inet plumb");
  EXPECT_THAT(apply(netlink_, with(example())).errors,
              ElementsAre(HasSubstr("table inet plumb has rules that are not Plumb's")));
  Desired without = with(example());
  without.traffic.reset();
  EXPECT_THAT(apply(netlink_, without).errors, IsEmpty());
  EXPECT_EQ(output_of("nft list table inet plumb"), theirs);
  output_of("nft delete table inet plumb");
  apply_traffic(example());
  output_of("nft flush table inet plumb");
  apply_traffic(example());
  EXPECT_THAT(output_of("nft list table inet plumb"), HasSubstr("masquerade"));
}

TEST_F(FabricTraffic, WritesOneElementForOneSenderMoreOrLess) {
  apply_traffic(example());
  Traffic more = example();
  more.vteps.push_back(address("192.0.2.3"));
  more.vteps.erase(more.vteps.begin());
  const Report report = apply_traffic(more);
  EXPECT_EQ(report.requests, 2u);
  EXPECT_THAT(report.changes,
              ElementsAre(Change{Change::What::remove, "element 192.0.2.2 of set vteps4"},
                          Change{Change::What::add, "element 192.0.2.3 of set vteps4"}));
  EXPECT_THAT(output_of("nft list set inet plumb vteps4"),
              AllOf(HasSubstr("192.0.2.3"), Not(HasSubstr("192.0.2.2"))));
}

TEST_F(FabricTraffic, WritesOneElementForOneSourceMoreOrLess) {
  apply_traffic(example());
  Traffic more = example();
  more.tunnel_sources.push_back({address("192.0.2.2"), prefix("10.22.3.0/24")});
  more.tunnel_sources.erase(more.tunnel_sources.begin());
  const Report report = apply_traffic(more);
  EXPECT_THAT(
      report.changes,
      ElementsAre(
          Change{Change::What::remove, "element 192.0.2.2 . 10.22.2.0 of set sources4in4_24"},
          Change{Change::What::add, "element 192.0.2.2 . 10.22.3.0 of set sources4in4_24"}));
  Traffic wider = more;
  wider.tunnel_sources.push_back({address("192.0.2.2"), prefix("10.22.4.0/23")});
  EXPECT_THAT(apply_traffic(wider).changes,
              ElementsAre(Change{Change::What::replace, "table inet plumb"}));
  EXPECT_EQ(apply_traffic(wider).requests, 0u);
}

TEST_F(FabricTraffic, RangesMayTouchNestAndChange) {
  Traffic traffic = example();
  const std::vector<std::vector<std::string>> rounds = {
      {"10.0.0.0/24", "10.0.1.0/24", "10.0.1.0/28"},
      {"10.0.0.0/23"},
      {"10.0.1.0/24", "10.0.2.0/24", "0.0.0.0/1"},
      {"240.0.0.0/4", "ff00::/8"},
      {"0.0.0.0/0", "::/0"},
      {}};
  for (const auto& round : rounds) {
    traffic.own_ranges.clear();
    for (const std::string& text : round) traffic.own_ranges.push_back(prefix(text));
    apply_traffic(traffic);
    EXPECT_EQ(apply_traffic(traffic).requests, 0u) << output_of("nft list set inet plumb own4");
  }
  EXPECT_THAT(output_of("nft list set inet plumb own4"), Not(HasSubstr("elements")));
}

TEST_F(FabricTraffic, ReportsARangeWithAnotherEnd) {
  Traffic traffic = example();
  for (const char* range :
       {"10.0.0.0/24", "10.0.0.0/16", "10.0.0.0/30", "0.0.0.0/1", "0.0.0.0/0"}) {
    traffic.no_masquerade = {prefix(range)};
    EXPECT_GT(diff(netlink_, with(traffic)).changed, 0u) << range;
    apply_traffic(traffic);
    EXPECT_EQ(diff(netlink_, with(traffic)).changed, 0u) << range;
  }
}

TEST_F(FabricTraffic, RemovesNoElementForAnOldList) {
  Traffic full = example();
  full.cluster_ranges = {prefix("10.22.0.0/24"), prefix("10.22.1.0/24"), prefix("10.22.7.0/24")};
  full.tunnel_sources.push_back({address("192.0.2.2"), prefix("10.22.7.0/25")});
  apply_traffic(full);
  Desired old = with(example());
  old.complete = false;
  old.traffic->cluster_ranges = {prefix("10.22.0.0/24"), prefix("10.22.2.0/23")};
  old.traffic->vteps = {address("192.0.2.3")};
  // The same holds when the rules are written anew.
  for (const std::vector<std::uint32_t>& vnis : {full.vnis, {7}}) {
    old.traffic->vnis = vnis;
    EXPECT_THAT(apply(netlink_, old).errors, IsEmpty());
    EXPECT_THAT(output_of("nft list set inet plumb vteps4"),
                AllOf(HasSubstr("192.0.2.2"), HasSubstr("192.0.2.3")));
    EXPECT_THAT(output_of("nft list set inet plumb direct4"),
                AllOf(HasSubstr("10.22.0.0/22"), HasSubstr("10.22.7.0/24")));
    EXPECT_THAT(output_of("nft list table inet plumb"),
                AllOf(HasSubstr("192.0.2.2 . 10.22.7.0"), HasSubstr("@sources4in4_25 return")));
    EXPECT_EQ(apply(netlink_, old).requests, 0u);
    nft::Nft nft;
    EXPECT_TRUE(has_traffic_rules(nft, old.traffic));
  }
  Traffic other = example();
  other.vnis = {7};
  apply_traffic(other);
  EXPECT_THAT(output_of("nft list table inet plumb"), Not(HasSubstr("sources4in4_25")));
}

TEST_F(FabricTraffic, RepairsRulesThatAnotherProgramChanged) {
  apply_traffic(example());
  const std::string right = output_of("nft list table inet plumb");
  for (const char* damage :
       {"nft flush chain inet plumb postrouting", "nft add rule inet plumb output drop",
        "nft delete table inet plumb", "nft add element inet plumb vteps4 { 203.0.113.9 }",
        "nft flush set inet plumb own4", "nft flush ruleset"}) {
    EXPECT_EQ(output_of(damage), "");
    EXPECT_GT(apply_traffic(example()).requests, 0u) << damage;
    EXPECT_EQ(output_of("nft list table inet plumb"), right) << damage;
  }
}

TEST_F(FabricTraffic, ChecksTheRulesWithoutReadingTheSets) {
  nft::Nft nft;
  const auto is_right = [&] { return has_traffic_rules(nft, example()); };
  const auto none_is_right = [&] { return has_traffic_rules(nft, std::nullopt); };
  EXPECT_FALSE(is_right());
  EXPECT_TRUE(none_is_right());
  for (const char* damage :
       {"nft flush chain inet plumb postrouting", "nft add rule inet plumb output drop",
        "nft flush table inet plumb", "nft delete table inet plumb", "nft flush ruleset"}) {
    apply_traffic(example());
    EXPECT_TRUE(is_right());
    EXPECT_FALSE(none_is_right());
    Traffic other = example();
    other.masquerade = false;
    EXPECT_FALSE(has_traffic_rules(nft, other));
    EXPECT_EQ(output_of(damage), "");
    EXPECT_FALSE(is_right()) << damage;
  }
  output_of(
      "nft add table inet plumb; nft add chain inet plumb theirs; "
      "nft add rule inet plumb theirs counter comment theirs");
  EXPECT_FALSE(is_right());
  EXPECT_TRUE(none_is_right());
}

TEST_F(FabricTraffic, EachScopeHasATableOfItsOwn) {
  output_of("iptables-nft -P FORWARD DROP");
  apply_traffic(example());
  const std::string agents = output_of("nft list ruleset");
  Desired network = with(example());
  network.scope = "five";
  EXPECT_THAT(apply(netlink_, network).errors, IsEmpty());
  EXPECT_EQ(apply(netlink_, network).requests, 0u);
  EXPECT_EQ(apply_traffic(example()).requests, 0u);
  EXPECT_THAT(output_of("nft list ruleset"),
              AllOf(HasSubstr("table inet plumb_"), HasSubstr("cluster traffic of five")));
  EXPECT_THAT(apply(netlink_, {.scope = "five"}).errors, IsEmpty());
  EXPECT_EQ(output_of("nft list ruleset"), agents);
}

TEST_F(FabricTraffic, ReportsDifferencesWithoutWriting) {
  const Report report = diff(netlink_, with(example()));
  EXPECT_THAT(report.changes, ElementsAre(Change{Change::What::add, "table inet plumb"}));
  EXPECT_EQ(output_of("nft list ruleset"), "");
}

TEST_F(FabricTraffic, EmptyDesiredRemovesTableAndRules) {
  output_of("iptables-nft -P FORWARD DROP; iptables-nft -A FORWARD -s 203.0.113.1 -j DROP");
  const std::string before = output_of("nft list ruleset");
  apply_traffic(example());
  ASSERT_NE(output_of("nft list ruleset"), before);
  EXPECT_THAT(apply(netlink_, {}).errors, IsEmpty());
  EXPECT_EQ(output_of("nft list ruleset"), before);
  EXPECT_EQ(apply(netlink_, {}).requests, 0u);
}

TEST_F(FabricTraffic, PodsKeepTheirAddressInTheClusterAndLoseItOutside) {
  Traffic traffic = example();
  apply_traffic(traffic);
  // The machine outside has no route to pods.
  EXPECT_EQ(world_.udp(world_.outside, 5000, &world_.pod, {PacketWorld::kOutside, 5000}),
            PacketWorld::kHost);
  EXPECT_EQ(world_.udp(world_.outside, 5001, &world_.pod, {PacketWorld::kOutside6, 5001}),
            PacketWorld::kHost6);
  EXPECT_EQ(world_.tcp(world_.neighbour, 5002, &world_.pod, {PacketWorld::kNeighbour, 5002}),
            PacketWorld::kPod);
  traffic.no_masquerade = {prefix("192.0.2.0/24")};
  apply_traffic(traffic);
  EXPECT_EQ(world_.udp(world_.outside, 5003, &world_.pod, {PacketWorld::kOutside, 5003}),
            PacketWorld::kPod);
  traffic.no_masquerade.clear();
  traffic.masquerade = false;
  apply_traffic(traffic);
  EXPECT_EQ(world_.udp(world_.outside, 5004, &world_.pod, {PacketWorld::kOutside, 5004}),
            PacketWorld::kPod);
}

/// Ports at which conntrack expects answers from UDP port 5000.
std::vector<int> translated_ports() {
  std::istringstream lines(output_of("conntrack -L -p udp --orig-port-dst 5000 2>/dev/null"));
  std::vector<int> ports;
  for (std::string line; std::getline(lines, line);)
    if (const auto at = line.rfind("dport="); at != line.npos)
      ports.push_back(std::stoi(line.substr(at + 6)));
  return ports;
}

TEST_F(FabricTraffic, GivesNoFlowOfAPodATunnelPort) {
  // Answers to such a flow would be taken for packets of the tunnel.
  Traffic traffic = example();
  traffic.vxlan_ports = {60000, 1026, 1025, 40000};
  apply_traffic(traffic);
  EXPECT_EQ(apply_traffic(traffic).requests, 0u);
  constexpr std::size_t kFlows = 60;  // all in the range by chance: 0.6 to the 60th
  for (std::size_t i = 0; i < kFlows; ++i)
    EXPECT_EQ(world_.udp(world_.outside, 5000, &world_.pod, {PacketWorld::kOutside, 5000}),
              PacketWorld::kHost);
  EXPECT_EQ(world_.udp(world_.outside, 5000, &world_.pod, {PacketWorld::kOutside6, 5000}),
            PacketWorld::kHost6);
  EXPECT_THAT(translated_ports(), AllOf(SizeIs(Ge(kFlows)), Each(AllOf(Gt(1026), Lt(40000)))));
  EXPECT_THAT(output_of("nft list chain inet plumb postrouting"),
              HasSubstr("udp sport >= 1024 masquerade to :1027-39999 fully-random"));
  traffic.vxlan_ports.clear();
  apply_traffic(traffic);
  EXPECT_THAT(output_of("nft list chain inet plumb postrouting"), Not(HasSubstr("masquerade to")));
}

TEST_F(FabricTraffic, EchoRequestsOfPodsAreAnsweredFromOutside) {
  apply_traffic(example());
  for (const char* target : {PacketWorld::kOutside, PacketWorld::kOutside6})
    EXPECT_THAT(output_in(world_.pod, std::string("ping -c 1 -W 2 ") + target),
                HasSubstr("1 received"));
}

TEST_F(FabricTraffic, LeavesPacketsWithKubeProxysMarkToKubeProxy) {
  apply_traffic(example());
  output_of(
      "nft add table ip kube; nft 'add chain ip kube f { type filter hook forward priority 0; }'; "
      "nft add rule ip kube f udp dport 5005 meta mark set 0x4000");
  EXPECT_EQ(world_.udp(world_.outside, 5005, &world_.pod, {PacketWorld::kOutside, 5005}),
            PacketWorld::kPod);
}

TEST_F(FabricTraffic, ForwardingWorksWhereThePolicyIsDrop) {
  for (const std::string tool : {"iptables-nft", "iptables-legacy"}) {
    const std::string tool6 = tool == "iptables-nft" ? "ip6tables-nft" : "ip6tables-legacy";
    output_of(tool + " -P FORWARD DROP; " + tool6 + " -P FORWARD DROP");
    EXPECT_EQ(world_.udp(world_.outside, 5006, &world_.pod, {PacketWorld::kOutside, 5006}),
              "nothing");
    const Report report = apply_traffic(example());
    EXPECT_THAT(report.changes, Not(IsEmpty()));
    EXPECT_EQ(world_.udp(world_.outside, 5007, &world_.pod, {PacketWorld::kOutside, 5007}),
              PacketWorld::kHost)
        << tool;
    EXPECT_EQ(world_.udp(world_.outside, 5008, &world_.pod, {PacketWorld::kOutside6, 5008}),
              PacketWorld::kHost6)
        << tool;
    EXPECT_THAT(output_of(tool + " -S FORWARD"),
                HasSubstr("-A FORWARD -s 10.22.0.0/16 -m comment --comment \"plumb: cluster "
                          "traffic\" -j ACCEPT"));
    EXPECT_EQ(apply_traffic(example()).requests, 0u);
    Traffic other = example();
    other.cluster_ranges = {prefix("10.0.0.0/8")};
    other.own_ranges = {prefix("10.22.0.0/24")};
    apply_traffic(other);
    EXPECT_THAT(output_of(tool + " -S FORWARD"),
                AllOf(HasSubstr("-s 10.0.0.0/8"), Not(HasSubstr("10.22.0.0"))));
    EXPECT_THAT(output_of(tool6 + " -S FORWARD"), Not(HasSubstr("plumb")));
    apply(netlink_, {});
    EXPECT_EQ(output_of(tool + " -S FORWARD"), "-P FORWARD DROP\n");
    output_of(tool + " -P FORWARD ACCEPT; " + tool6 + " -P FORWARD ACCEPT");
  }
}

TEST_F(FabricTraffic, RemovesNoAcceptRuleForAnOldList) {
  for (const std::string tool : {"iptables-nft", "iptables-legacy"}) {
    output_of(tool + " -P FORWARD DROP");
    Traffic full = example();
    full.cluster_ranges = {prefix("10.22.0.0/24"), prefix("10.22.1.0/24")};
    apply_traffic(full);
    Desired old = with(full);
    old.complete = false;
    old.traffic->cluster_ranges = {prefix("10.22.0.0/24"), prefix("10.22.2.0/24")};
    EXPECT_THAT(apply(netlink_, old).errors, IsEmpty());
    EXPECT_EQ(apply(netlink_, old).requests, 0u) << tool;
    EXPECT_THAT(output_of(tool + " -S FORWARD"),
                AllOf(HasSubstr("-s 10.22.0.0/24"), HasSubstr("-s 10.22.1.0/24"),
                      HasSubstr("-d 10.22.1.0/24"), HasSubstr("-s 10.22.2.0/24")));
    apply_traffic(full);
    EXPECT_THAT(output_of(tool + " -S FORWARD"), Not(HasSubstr("10.22.2.0/24")));
    apply(netlink_, {});
    output_of(tool + " -P FORWARD ACCEPT");
  }
}

TEST_F(FabricTraffic, KeepsDropsOfOtherPrograms) {
  output_of("iptables-nft -A FORWARD -p udp --dport 5009 -j DROP");
  apply_traffic(example());
  EXPECT_EQ(world_.udp(world_.outside, 5009, &world_.pod, {PacketWorld::kOutside, 5009}),
            "nothing");
}

}  // namespace
}  // namespace fabric
