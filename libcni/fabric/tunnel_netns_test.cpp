// SPDX-License-Identifier: Apache-2.0
// Real packets between two namespaces that play nodes, on a bridge of the test's own namespace.
#include <sys/socket.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/fabric/apply.h"
#include "libcni/net/link.h"
#include "tests/support/host/test_host.h"

namespace fabric {
namespace {

using namespace test::oracle;
using test::output_in;
using test::output_of;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

base::IpAddress address(const std::string& text) {
  return base::IpAddress::parse(text).value();
}
base::Prefix prefix(const std::string& text) {
  return base::Prefix::parse(text).value();
}

/// Node `n` of 1 and 2 (10.0.0.n, fd00::n) with a pod 10.244.n.5, fd10:n::5 behind a veth.
struct Machine {
  Machine(test::TestHost& host, int n)
      : number(std::to_string(n)), node(host.add_sandbox()), pod(host.add_sandbox()) {
    plug();
    output_in(node,
              "sysctl -qw net.ipv6.conf.default.accept_dad=0; ip link add pod0 type veth peer "
              "name eth0 netns " +
                  path(pod) +
                  "; ip link set pod0 up; "
                  "ip addr add 10.244." +
                  number +
                  ".1/24 dev pod0; "
                  "ip addr add fd10:" +
                  number + "::1/64 dev pod0 nodad");
    output_in(pod,
              "ip link set lo up; ip link set eth0 mtu 1450 up; "
              "ip addr add 10.244." +
                  number +
                  ".5/24 dev eth0; "
                  "ip addr add fd10:" +
                  number +
                  "::5/64 dev eth0 nodad; "
                  "ip route add default via 10.244." +
                  number +
                  ".1; "
                  "ip route add default via fd10:" +
                  number + "::1");
  }

  static std::string path(const test::TestHost::Sandbox& sandbox) {
    return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(sandbox.netns.fd());
  }
  /// Connects the node to the underlay, for the first time or again.
  void plug() const {
    const std::string port = "port" + number;
    output_of("ip link add " + port + " type veth peer name eth0 netns " + path(node) +
              "; ip link set " + port + " master under up");
    output_in(node, "ip link set lo up; ip addr add 10.0.0." + number +
                        "/24 dev eth0; "
                        "ip addr add fd00::" +
                        number + "/64 dev eth0 nodad; ip link set eth0 up");
  }
  Node description() const {
    return {.name = "n" + number,
            .addresses = {address("10.0.0." + number), address("fd00::" + number)},
            .ranges = {prefix("10.244." + number + ".0/24"), prefix("fd10:" + number + "::/64")}};
  }
  void apply_here(const Desired& desired) const {
    node.netns.run([&] {
      net::Netlink netlink;
      EXPECT_THAT(apply(netlink, desired).errors, IsEmpty());
    });
  }
  Desired desired(const std::vector<Node>& nodes, const Options& options) const {
    Desired made;
    node.netns.run([&] {
      net::Netlink netlink;
      made =
          plan(description(), nodes, options, find_underlay(netlink, address("10.0.0." + number)));
    });
    return made;
  }

  std::string number;
  test::TestHost::Sandbox node;
  test::TestHost::Sandbox pod;
};

class FabricTunnel : public ::testing::Test {
 protected:
  static test::TestHost& with_underlay(test::TestHost& host) {
    output_of("ip link add under type bridge; ip link set under up");
    return host;
  }
  void apply_everywhere(const Options& options) {
    for (const Machine* each : {&one_, &two_}) each->apply_here(each->desired(nodes_, options));
  }
  /// The answer to one ping from the first pod, of `size` bytes with all headers.
  bool pings(const std::string& target, int size = 100) {
    const int headers = target.find(':') == std::string::npos ? 28 : 48;
    return output_in(one_.pod,
                     "ping -M do -c1 -W1 -s " + std::to_string(size - headers) + " " + target)
               .find("1 received") != std::string::npos;
  }

  test::TestHost host_;
  Machine one_{with_underlay(host_), 1};
  Machine two_{host_, 2};
  std::vector<Node> nodes_ = {one_.description(), two_.description()};
  Options options_{.backend = Backend::vxlan, .mtu = 1430};
};

TEST_F(FabricTunnel, PodsReachEachOtherUpToTheMtuInEveryMode) {
  EXPECT_FALSE(pings("10.244.2.5"));
  for (const int family : {AF_INET, AF_INET6}) {
    options_.underlay_family = family;
    apply_everywhere(options_);
    for (const char* target : {"10.244.2.5", "fd10:2::5", "10.244.2.1", "fd10:2::1"})
      EXPECT_TRUE(pings(target, 1430)) << target << " over " << family;
  }
  apply_everywhere({.backend = Backend::vxlan, .flannel = true});
  EXPECT_TRUE(pings("10.244.2.5", 1450));
  EXPECT_TRUE(pings("fd10:2::5", 1430));
  EXPECT_THAT(text_in(one_.node, &links), Not(HasSubstr("plumb-vxlan")));
  apply_everywhere({.backend = Backend::host_gw});
  EXPECT_TRUE(pings("10.244.2.5", 1450));
  EXPECT_TRUE(pings("fd10:2::5", 1450));
}

TEST_F(FabricTunnel, RoutesMoveIntoTheTunnelAndOutOfIt) {
  for (const Backend backend :
       {Backend::host_gw, Backend::vxlan, Backend::host_gw, Backend::vxlan}) {
    apply_everywhere({.backend = backend});
    EXPECT_TRUE(pings("10.244.2.5")) << word_of(backend);
    bool reached = false;  // duplicate address detection takes a second
    for (int attempt = 0; attempt < 10 && !reached; ++attempt) reached = pings("fd10:2::5");
    EXPECT_TRUE(reached) << word_of(backend);
  }
  EXPECT_THAT(text_in(one_.node, &routes),
              AllOf(HasSubstr("main fd10:2::/64 via fd10:2:: dev plumb-vxlan "),
                    Not(HasSubstr("main fd10:2:: dev"))));
}

TEST_F(FabricTunnel, NodesReachPodsWithoutNat) {
  apply_everywhere(options_);
  EXPECT_THAT(output_in(one_.node, "ping -c1 -W1 10.244.2.5; ping -c1 -W1 fd10:2::5"),
              AllOf(HasSubstr("1 received"), Not(HasSubstr("0 received"))));
}

TEST_F(FabricTunnel, PacketsOfUnknownSendersAreDropped) {
  apply_everywhere(options_);
  ASSERT_TRUE(pings("10.244.2.5"));
  Desired without = two_.desired(nodes_, options_);
  without.traffic->vteps = {address("10.0.0.77")};
  two_.apply_here(without);
  EXPECT_FALSE(pings("10.244.2.5"));
  EXPECT_THAT(output_in(two_.node, "nft list chain inet plumb tunnel"),
              HasSubstr("ip saddr != @vteps4 counter packets 1 "));
}

/// The packets that `node` has dropped by the rule with this comment.
int dropped_by(const test::TestHost::Sandbox& node, const std::string& comment) {
  return std::stoi("0" + output_in(node,
                                   "nft list table inet plumb | sed -n 's/.*packets \\([0-9]"
                                   "*\\) .*drop comment .*: " +
                                       comment + ".*/\\1/p'"));
}

TEST_F(FabricTunnel, S6_DropsPacketsWithSourcesThatAreNotOfTheSendingNode) {
  for (const int family : {AF_INET, AF_INET6}) {
    options_.underlay_family = family;
    apply_everywhere(options_);
    const auto dropped = [&] { return dropped_by(two_.node, "source is not of the sending node"); };
    for (const char* target : {"10.244.2.5", "fd10:2::5"}) EXPECT_TRUE(pings(target));
    ASSERT_EQ(dropped(), 0);
    int forged = 0;
    for (const char* source :
         {"10.244.2.77", "10.244.3.9", "8.8.8.8", "10.0.0.9", "fd10:2::77", "2001:db8::8"}) {
      const bool v6 = std::string(source).find(':') != std::string::npos;
      output_in(one_.node, std::string("ip addr add ") + source + (v6 ? "/128" : "/32") +
                               " dev lo; ping -c1 -W1 -I " + source + " " +
                               (v6 ? "fd10:2::5" : "10.244.2.5") + "; ip addr del " + source +
                               (v6 ? "/128" : "/32") + " dev lo");
      EXPECT_EQ(dropped(), ++forged) << source << " over " << family;
    }
    // A program on the node that has bound its socket to the node's address.
    for (const char* ping : {"ping -c1 -W1 -I 10.0.0.1 10.244.2.5", "ping -c1 -W1 10.244.2.5"})
      EXPECT_THAT(output_in(one_.node, ping), HasSubstr("1 received"));
    EXPECT_EQ(dropped(), forged);
  }
}

TEST_F(FabricTunnel, S2_DropsTunnelPacketsThatComeByAnotherLinkThanTheirSender) {
  apply_everywhere(options_);
  // The pod has the other node's address: nothing in its packets differs from that node's.
  output_in(two_.pod,
            "ip addr add 10.0.0.1/32 dev lo; ip route add 10.0.0.2 via 10.244.2.1 src 10.0.0.1; "
            "ip addr add fd00::1/128 dev lo nodad; "
            "ip route add fd00::2 via fd10:2::1 src fd00::1");
  const auto dropped = [&] { return dropped_by(two_.node, "sender is behind another link"); };
  const auto emit = [&](const std::string& target) {
    output_in(two_.pod,
              "bash -c \"printf '\\x08\\x00\\x00\\x00\\x00\\x00\\x01\\x00frame' > /dev/udp/" +
                  target + "/4789\"");
  };
  emit("10.0.0.2");
  EXPECT_EQ(dropped(), 1);
  output_in(two_.pod, "ping -c3 -i0.2 -W1 fd10:2::1");  // the node's address may still be new
  emit("fd00::2");
  EXPECT_EQ(dropped(), 2);
  // The same to another node, which could not know that the packet is not its neighbour's.
  output_in(two_.pod,
            "ip addr add 10.0.0.7/32 dev lo; ip route add 10.0.0.1 via 10.244.2.1 src "
            "10.0.0.7; ip addr del 10.0.0.1/32 dev lo");
  emit("10.0.0.1");
  EXPECT_EQ(dropped(), 3);
  EXPECT_TRUE(pings("10.244.2.5"));
}

TEST_F(FabricTunnel, PodsCannotForgeTunnelledPackets) {
  apply_everywhere(options_);
  const auto emit = [&](const char* vni) {
    output_in(one_.pod, std::string("bash -c \"printf '\\x08\\x00\\x00\\x00\\x00\\x00\\x") + vni +
                            "\\x00frame' > /dev/udp/10.0.0.2/4789\"");
  };
  emit("01");
  const std::string dropped = "ip saddr @own4 counter packets 1 ";
  EXPECT_THAT(output_in(one_.node, "nft list chain inet plumb forward"), HasSubstr(dropped));
  emit("02");  // another program's tunnel on the same port
  EXPECT_THAT(output_in(one_.node, "nft list chain inet plumb forward"), HasSubstr(dropped));
}

TEST_F(FabricTunnel, TunnelledPacketsAreNotTracked) {
  apply_everywhere(options_);
  output_in(
      one_.node,
      "nft add table inet look; nft 'add chain inet look o { type filter hook output priority "
      "0; }'; nft add rule inet look o udp dport 4789 ct state untracked counter; "
      "nft add rule inet look o udp dport 4789 ct state new counter");
  ASSERT_TRUE(pings("10.244.2.5"));
  EXPECT_THAT(
      output_in(one_.node, "nft list chain inet look o"),
      AllOf(HasSubstr("untracked counter packets 1 "), HasSubstr("new counter packets 0 ")));
}

TEST_F(FabricTunnel, SurvivesItsParentUntouched) {
  apply_everywhere(options_);
  ASSERT_TRUE(pings("10.244.2.5"));
  output_of("ip link del port1");
  EXPECT_FALSE(pings("10.244.2.5"));
  one_.plug();
  EXPECT_TRUE(pings("10.244.2.5"));
}

TEST_F(FabricTunnel, OneSubnetSpansBridgesByFloodingAndLearning) {
  for (const Machine* each : {&one_, &two_}) {
    output_in(each->node,
              "ip link add br0 type bridge; ip link set br0 up; ip link set pod0 master br0");
    output_in(each->pod, "ip addr add 10.55.0." + each->number + "/24 dev eth0");
    Desired desired;
    each->node.netns.run([&] {
      net::Netlink netlink;
      const base::IpAddress local = address("10.0.0." + each->number);
      desired.overlays = {{.device = {.name = "l2",
                                      .vni = 7,
                                      .local = local,
                                      .mac = vtep_mac(local),
                                      .master = net::get_link(netlink, "br0").index,
                                      .learning = true},
                           .fdb = {{{}, address(each == &one_ ? "10.0.0.2" : "10.0.0.1")}}}};
    });
    each->apply_here(desired);
    each->apply_here(desired);
  }
  EXPECT_TRUE(pings("10.55.0.2", 1450));
  EXPECT_THAT(read_in(one_.node, &fdb),
              Contains(AllOf(StartsWith("l2 "), HasSubstr(" dst 10.0.0.2 self"))));
}

}  // namespace
}  // namespace fabric
