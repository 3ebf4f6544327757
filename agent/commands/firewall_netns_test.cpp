// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/commands/firewall.h"
#include "tests/support/temp_dir.h"

namespace agent {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

base::IpAddress ip(const char* text) {
  return base::IpAddress::parse(text).value();
}

fabric::Node node(const std::string& name, const std::vector<base::IpAddress>& addresses) {
  return {.name = name, .addresses = addresses};
}

class Firewall : public testing::Test {
 protected:
  Firewall() {
    config.node_name = "a";
    config.fabric.backend = fabric::Backend::vxlan;
    config.fabric.cluster_ranges = {*base::Prefix::parse("10.244.0.0/16"),
                                    *base::Prefix::parse("fd00:244::/48")};
  }
  std::string nft() const { return firewall_rules(config, state(), FirewallFormat::nft); }
  std::string iptables() const { return firewall_rules(config, state(), FirewallFormat::iptables); }
  State state() const {
    return {.self = nodes.at(0),
            .cluster = {.nodes = nodes},
            .underlay = underlay,
            .options = config.fabric};
  }
  void use_bgp() { config.fabric.backend = fabric::Backend::bgp; }
  /// Runs a shell command in an empty network namespace with the rules in $1.
  bool in_netns(const std::string& rules, const std::string& command) const {
    const std::string path = folder.file("rules", rules);
    return std::system(("unshare --net sh -ec '" + command + "' sh " + path).c_str()) == 0;
  }

  test::TempDir folder;
  Config config;
  fabric::Underlay underlay{
      .parent = "eth0",
      .subnets = {*base::Prefix::parse("192.0.2.0/24"), *base::Prefix::parse("2001:db8::/64")}};
  std::vector<fabric::Node> nodes = {node("a", {ip("192.0.2.1"), ip("2001:db8::1")}),
                                     node("b", {ip("192.0.2.2"), ip("2001:db8::2")}),
                                     node("c", {ip("192.0.2.3"), ip("2001:db8::3")})};
};

TEST_F(Firewall, VxlanAcceptsTheTunnelFromTheOtherNodesOnly) {
  EXPECT_THAT(nft(), AllOf(HasSubstr("ip saddr { 192.0.2.2, 192.0.2.3 } udp dport 4789 accept"),
                           Not(HasSubstr("192.0.2.1")), Not(HasSubstr("tcp"))));
  EXPECT_THAT(iptables(),
              HasSubstr("-4 -A PLUMB-INPUT -s 192.0.2.3 -p udp -m udp --dport 4789 -m comment"));
}

TEST_F(Firewall, VxlanOverIpv6AcceptsIpv6) {
  config.fabric.underlay_family = AF_INET6;
  config.fabric.port = 8472;
  EXPECT_THAT(nft(), AllOf(HasSubstr("ip6 saddr { 2001:db8::2, 2001:db8::3 } udp dport 8472"),
                           Not(HasSubstr("ip saddr"))));
  EXPECT_THAT(iptables(), HasSubstr("-6 -A PLUMB-INPUT -s 2001:db8::2 -p udp"));
}

TEST_F(Firewall, HostGwNeedsNoPort) {
  config.fabric.backend = fabric::Backend::host_gw;
  EXPECT_THAT(nft(), AllOf(Not(HasSubstr("accept")), HasSubstr("chain plumb")));
  EXPECT_THAT(iptables(), Not(HasSubstr("ACCEPT")));
}

TEST_F(Firewall, ATunnelledNodeAmongRoutedOnesOpensTheTunnel) {
  config.fabric.backend = fabric::Backend::host_gw;
  nodes[2].backend = fabric::Backend::vxlan;
  EXPECT_THAT(nft(), HasSubstr("udp dport 4789 accept"));
}

TEST_F(Firewall, AMeshAcceptsBgpFromEveryNode) {
  use_bgp();
  EXPECT_THAT(nft(), AllOf(HasSubstr("ip saddr { 192.0.2.2, 192.0.2.3 } tcp dport 179 accept"),
                           HasSubstr("ip6 saddr { 2001:db8::2, 2001:db8::3 } tcp dport 179"),
                           Not(HasSubstr("udp"))));
}

TEST_F(Firewall, BfdOpensItsPortToo) {
  use_bgp();
  config.bgp.bfd = true;
  EXPECT_THAT(nft(), HasSubstr("192.0.2.2, 192.0.2.3 } udp dport 3784 accept"));
}

TEST_F(Firewall, BfdToANodeBehindARouterHasAnotherPort) {
  use_bgp();
  config.bgp.bfd = true;
  config.bgp.graceful_restart = false;
  nodes[2].addresses = {ip("198.51.100.7")};
  EXPECT_THAT(nft(), AllOf(HasSubstr("ip saddr { 192.0.2.2 } udp dport 3784 accept"),
                           HasSubstr("ip saddr { 198.51.100.7 } udp dport 4784 accept")));
}

TEST_F(Firewall, AClientAcceptsBgpFromItsReflectorsOnly) {
  use_bgp();
  config.bgp.reflectors = {{"reflector", "yes"}};
  nodes[1].labels = {{"reflector", "yes"}};
  EXPECT_THAT(
      nft(), AllOf(HasSubstr("ip saddr { 192.0.2.2 } tcp dport 179"), Not(HasSubstr("192.0.2.3"))));
}

TEST_F(Firewall, AReflectorAcceptsBgpFromEveryNode) {
  use_bgp();
  config.bgp.reflectors = {{"reflector", "yes"}};
  nodes[0].labels = {{"reflector", "yes"}};
  nodes.push_back(node("far", {ip("198.51.100.7")}));
  EXPECT_THAT(nft(), HasSubstr("ip saddr { 192.0.2.0/24, 198.51.100.7 } tcp dport 179"));
}

TEST_F(Firewall, ExternalPeersCountWhereTheyHaveASession) {
  use_bgp();
  config.bgp.mesh = false;
  config.bgp.peers = {
      {.name = "tor", .address = ip("192.0.2.254"), .as_number = 65000, .bfd = true},
      {.name = "far",
       .address = ip("198.51.100.1"),
       .as_number = 65001,
       .multihop = 4,
       .bfd = true},
      {.name = "other", .address = ip("192.0.2.253"), .as_number = 65000, .node = "b"}};
  EXPECT_THAT(nft(), AllOf(HasSubstr("ip saddr { 192.0.2.254, 198.51.100.1 } tcp dport 179"),
                           HasSubstr("ip saddr { 192.0.2.254 } udp dport 3784"),
                           HasSubstr("ip saddr { 198.51.100.1 } udp dport 4784"),
                           Not(HasSubstr("192.0.2.253")), Not(HasSubstr("192.0.2.2,"))));
}

TEST_F(Firewall, TheHealthPortOpensUnlessItIsBoundToLoopback) {
  EXPECT_THAT(nft(), Not(HasSubstr("9474")));
  for (const char* local : {"[::1]:9474", "127.0.0.2:9474", ""}) {
    config.listen = local;
    EXPECT_THAT(nft(), Not(HasSubstr("9474"))) << local;
  }
  for (const char* open : {"0.0.0.0:9474", "[::]:9474", "192.0.2.1:9474"}) {
    config.listen = open;
    EXPECT_THAT(nft(), HasSubstr("\t\ttcp dport 9474 accept")) << open;
    EXPECT_THAT(iptables(), HasSubstr("\n-A PLUMB-INPUT -p tcp -m tcp --dport 9474")) << open;
  }
}

class FirewallPrograms : public Firewall {
 protected:
  FirewallPrograms() {
    use_bgp();
    config.bgp.bfd = true;
    config.listen = "0.0.0.0:9474";
    nodes[2].backend = fabric::Backend::vxlan;
  }
};

TEST_F(FirewallPrograms, NftAcceptsTheText) {
  EXPECT_TRUE(in_netns(nft(), "nft -c -f - <$1"));
  EXPECT_FALSE(in_netns(nft() + "nonsense", "nft -c -f - <$1 2>/dev/null"));
}

TEST_F(FirewallPrograms, NftTextReplacesItsChainAndNothingElse) {
  EXPECT_TRUE(in_netns(nft(), R"(
    nft add table inet filter
    nft add chain inet filter input "{ type filter hook input priority 0; policy drop; }"
    nft -f $1
    nft insert rule inet filter input jump plumb
    nft -f $1
    nft list chain inet filter input | grep -q "jump plumb"
    test $(nft list chain inet filter plumb | grep -c accept) = 6)"));
}

TEST_F(FirewallPrograms, IptablesAcceptsTheText) {
  EXPECT_TRUE(in_netns(iptables(), "iptables-restore --test --noflush <$1"));
  EXPECT_TRUE(in_netns(iptables(), "ip6tables-restore --test --noflush <$1"));
  EXPECT_FALSE(in_netns(iptables() + "nonsense\n", "iptables-restore --test <$1 2>/dev/null"));
}

TEST_F(FirewallPrograms, IptablesTextReplacesItsChainAndNothingElse) {
  EXPECT_TRUE(in_netns(iptables(), R"(
    for v in "" 6; do
      ip${v}tables-restore --noflush <$1
      ip${v}tables -I INPUT -j PLUMB-INPUT
      ip${v}tables-restore --noflush <$1
      ip${v}tables -S INPUT | grep -q PLUMB-INPUT
    done
    test $(iptables -S PLUMB-INPUT | grep -c ACCEPT) = 5
    ip6tables -S PLUMB-INPUT | grep -q "2001:db8::2/128 -p tcp .*--dport 179"
    ! ip6tables -S PLUMB-INPUT | grep -q 4789)"));
}

}  // namespace
}  // namespace agent
