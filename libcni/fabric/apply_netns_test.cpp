// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/unique_fd.h"
#include "libcni/fabric/apply.h"
#include "libcni/net/link.h"
#include "tests/support/host/test_host.h"

namespace fabric {
namespace {

using namespace test::oracle;
using test::output_of;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr const char* kDirect = "main 10.244.2.0/24 via 10.0.0.2 ";
constexpr const char* kTunnelled = "main 10.244.3.0/24 via 10.244.3.0 dev plumb-vxlan ";

base::IpAddress address(const std::string& text) {
  return base::IpAddress::parse(text).value();
}
base::Prefix prefix(const std::string& text) {
  return base::Prefix::parse(text).value();
}

Node node(const std::string& name, const std::vector<std::string>& addresses,
          const std::vector<std::string>& ranges) {
  Node made{.name = name};
  for (const auto& text : addresses) made.addresses.push_back(address(text));
  for (const auto& text : ranges) made.ranges.push_back(prefix(text));
  return made;
}

/// The node a (10.0.0.1, fd00::1 on eth0) with peers b near and c far.
class FabricApply : public ::testing::Test {
 protected:
  FabricApply() {
    output_of(
        "ip link add eth0 type veth peer name far0; ip addr add 10.0.0.1/24 dev eth0; "
        "ip addr add fd00::1/64 dev eth0 nodad; ip link set eth0 up; ip link set far0 up; "
        "ip route add default via 10.0.0.254");
  }

  Desired desired(const Options& options = {}) {
    Desired made = plan(self_, peers_, options, find_underlay(netlink_, address("10.0.0.1")));
    made.traffic.reset();
    return made;
  }
  Report apply_all(const Options& options = {}) {
    Report report = apply(netlink_, desired(options));
    EXPECT_THAT(report.errors, IsEmpty());
    return report;
  }
  static std::string state() {
    return text_of(lines_with(links(), " vxlan ")) + test::overlay_state();
  }

  test::TestHost host_;
  net::Netlink netlink_;
  Node self_ = node("a", {"10.0.0.1", "fd00::1"}, {"10.244.1.0/24", "fd10:1::/64"});
  std::vector<Node> peers_ = {node("b", {"10.0.0.2", "fd00::2"}, {"10.244.2.0/24", "fd10:2::/64"}),
                              node("c", {"10.0.9.3"}, {"10.244.3.0/24", "fd10:3::/64"})};
};

TEST_F(FabricApply, MakesTheKernelHoldThePlan) {
  apply_all();
  EXPECT_THAT(links(),
              Contains(EndsWith(": plumb-vxlan vxlan up mtu 1450 qdisc noqueue mac "
                                "02:76:0a:00:00:01 alias plumb:fabric vxlan id 1 local 10.0.0.1 "
                                "port 4789 nolearning noudpcsum")));
  EXPECT_THAT(addresses(), IsSupersetOf({"plumb-vxlan 10.244.1.0", "plumb-vxlan fd10:1::"}));
  for (const char* route : {"10.244.2.0/24 via 10.0.0.2 dev eth0 proto 87 metric 0",
                            "10.244.3.0/24 via 10.244.3.0 dev plumb-vxlan onlink proto 86 metric 0",
                            "blackhole 10.244.1.0/24 proto 85 metric 4096",
                            "fd10:2::/64 via fd00::2 dev eth0 proto 87 metric 1024",
                            "fd10:3::/64 via fd10:3:: dev plumb-vxlan onlink proto 86 metric 1024",
                            "blackhole fd10:1::/64 dev lo proto 85 metric 4096"})
    EXPECT_THAT(routes(), Contains(std::string("main ") + route));
  EXPECT_THAT(neighbours(),
              IsSupersetOf({"plumb-vxlan 10.244.3.0 lladdr 02:76:0a:00:09:03 permanent proto 88",
                            "plumb-vxlan fd10:3:: lladdr 02:76:0a:00:09:03 permanent proto 88"}));
  EXPECT_THAT(fdb(), Contains("plumb-vxlan 02:76:0a:00:09:03 dst 10.0.9.3 self permanent"));
  EXPECT_EQ(output_of("cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding "
                      "/proc/sys/net/ipv6/conf/plumb-vxlan/accept_ra "
                      "/proc/sys/net/ipv4/conf/plumb-vxlan/rp_filter"),
            "1\n1\n0\n2\n");
}

TEST_F(FabricApply, SetsForwardUsePmtuForTunnelsOverIpv6) {
  const char* key = "cat /proc/sys/net/ipv4/ip_forward_use_pmtu";
  apply_all();
  EXPECT_EQ(output_of(key), "0\n");
  apply_all({.underlay_family = AF_INET6});
  EXPECT_EQ(output_of(key), "1\n");
}

TEST_F(FabricApply, DoesNotWriteCorrectObjectsAgain) {
  EXPECT_GT(apply_all().requests, 10u);
  const std::string before = state();
  const Report again = apply_all();
  EXPECT_EQ(again.requests, 0u);
  EXPECT_THAT(again.changes, IsEmpty());
  EXPECT_EQ(state(), before);
}

TEST_F(FabricApply, ReportsDifferencesWithoutWriting) {
  const std::string before = state();
  const Report dry = diff(netlink_, desired());
  EXPECT_EQ(dry.requests, 0u);
  EXPECT_EQ(state(), before);
  const auto add = [](const std::string& object) { return Change{Change::What::add, object}; };
  EXPECT_THAT(dry.changes, Contains(add("device plumb-vxlan vni 1 port 4789 local 10.0.0.1")));
  EXPECT_THAT(dry.changes, Contains(add("route 10.244.3.0/24 via 10.244.3.0 dev plumb-vxlan")));
  EXPECT_THAT(dry.changes, Contains(add("blackhole 10.244.1.0/24")));
  EXPECT_THAT(dry.changes, Contains(add("fdb 02:76:0a:00:09:03 dev plumb-vxlan dst 10.0.9.3")));
  apply_all();
  EXPECT_THAT(diff(netlink_, desired()).changes, IsEmpty());
}

TEST_F(FabricApply, ReplacesAMovedNodeInPlace) {
  apply_all({.backend = Backend::vxlan});
  peers_[0].addresses = {address("10.0.8.8")};
  const Report report = apply_all({.backend = Backend::vxlan});
  EXPECT_EQ(report.requests, 4u);  // FDB entry added and removed, both neighbours
  EXPECT_THAT(fdb(), Not(Contains(HasSubstr("10.0.0.2"))));
  EXPECT_THAT(neighbours(), Contains(HasSubstr("plumb-vxlan 10.244.2.0 lladdr 02:76:0a:00:08:08")));
  // From the tunnel to the direct way and back: never without a route.
  FILE* monitor = ::popen("timeout 2 ip monitor route & sleep 0.2; echo ready; wait", "re");
  char line[256];
  ASSERT_NE(::fgets(line, sizeof line, monitor), nullptr);
  peers_[0].addresses = {address("10.0.0.2")};
  apply_all({.backend = Backend::automatic});
  std::string seen;
  while (::fgets(line, sizeof line, monitor) != nullptr) seen += line;
  ::pclose(monitor);
  EXPECT_THAT(seen, HasSubstr("10.244.2.0/24 via 10.0.0.2 dev eth0 proto 87"));
  EXPECT_THAT(seen, Not(HasSubstr("Deleted 10.244.2.0/24")));
}

TEST_F(FabricApply, RemovesAllObjectsOfARemovedNode) {
  apply_all();
  peers_.pop_back();
  apply_all();
  EXPECT_THAT(state(), Not(HasSubstr("02:76:0a:00:09:03")));
  EXPECT_THAT(state(), Not(HasSubstr("10.244.3.0")));
}

TEST_F(FabricApply, RemovesNothingForAnOldList) {
  apply_all();
  const std::string before = state();
  peers_.pop_back();
  Desired old = desired({.backend = Backend::host_gw});
  old.complete = false;
  EXPECT_THAT(diff(netlink_, old).changes, IsEmpty());
  EXPECT_THAT(apply(netlink_, old).errors, IsEmpty());
  EXPECT_EQ(state(), before);
  peers_.push_back(node("d", {"10.0.0.4"}, {"10.244.4.0/24"}));
  old = desired();
  old.complete = false;
  EXPECT_THAT(apply(netlink_, old).errors, IsEmpty());
  EXPECT_THAT(state(), AllOf(HasSubstr("10.244.3.0/24"), HasSubstr("10.244.4.0/24")));
}

TEST_F(FabricApply, RepairsADeviceInPlaceOrRecreatesIt) {
  apply_all();
  output_of(
      "ip link set plumb-vxlan mtu 1200 address 02:00:00:00:00:99; ip addr flush dev plumb-vxlan");
  apply_all();
  EXPECT_THAT(links(), Contains(AllOf(HasSubstr(": plumb-vxlan vxlan up mtu 1450 "),
                                      HasSubstr("02:76:0a:00:00:01"))));
  EXPECT_THAT(addresses(), Contains("plumb-vxlan 10.244.1.0"));
  output_of("ip link set plumb-vxlan down");
  apply_all();
  EXPECT_THAT(routes(), Contains(StartsWith(kTunnelled)));
  output_of("ip link del plumb-vxlan");
  apply_all();
  EXPECT_THAT(fdb(), Contains(AllOf(StartsWith("plumb-vxlan "), HasSubstr("10.0.9.3"))));
  const Report report = apply_all({.vni = 77, .port = 8472});
  EXPECT_THAT(report.changes,
              Contains(Change{Change::What::replace,
                              "device plumb-vxlan vni 77 port 8472 local 10.0.0.1"}));
  EXPECT_THAT(links(), Contains(AllOf(HasSubstr(": plumb-vxlan "), HasSubstr("vxlan id 77 "))));
  EXPECT_THAT(routes(), Contains(StartsWith(kTunnelled)));
  EXPECT_THAT(fdb(), Contains(AllOf(StartsWith("plumb-vxlan "), HasSubstr("10.0.9.3"))));
}

TEST_F(FabricApply, NamesAndKeepsAForeignDeviceWithTheSameVniAndPort) {
  output_of("ip link add other type vxlan id 1 dstport 4789 local 10.0.0.1");
  const Lines before = lines_with(links(), " vxlan ");
  const Report report = apply(netlink_, desired());
  EXPECT_THAT(report.errors, ElementsAre(AllOf(HasSubstr("\"other\""), HasSubstr("VNI 1"))));
  EXPECT_EQ(lines_with(links(), " vxlan "), before);
  EXPECT_THAT(routes(), Contains(StartsWith(kDirect)));  // needs no tunnel
}

TEST_F(FabricApply, ReportsAConflictInAnOldListAndRemovesNothing) {
  apply_all();
  output_of("ip link add other type vxlan id 1 dstport 4790 local 10.0.0.1");
  const std::string before = state();
  for (const Options& options : {Options{.port = 4790}, Options{.device = "plumb2"}}) {
    Desired old = desired(options);
    old.complete = false;
    EXPECT_THAT(apply(netlink_, old).errors, Contains(HasSubstr("has VNI 1 and port")));
    EXPECT_EQ(state(), before);
  }
}

TEST_F(FabricApply, KeepsAForeignDeviceThatHasTheName) {
  for (const char* kind : {"vxlan id 9 dstport 9999", "bridge"}) {
    output_of(std::string("ip link add plumb-vxlan type ") + kind);
    const Lines before = lines_with(links(), ": plumb-vxlan ");
    ASSERT_THAT(before, SizeIs(1));
    EXPECT_THAT(apply(netlink_, desired()).errors,
                ElementsAre(HasSubstr("\"plumb-vxlan\" exists")));
    EXPECT_EQ(lines_with(links(), ": plumb-vxlan "), before);
    output_of("ip link del plumb-vxlan");
  }
}

TEST_F(FabricApply, NamesAPortThatIsInUse) {
  {
    const base::UniqueFd holder(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = htons(4789);
    ASSERT_EQ(::bind(holder.get(), reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
    EXPECT_THAT(apply(netlink_, desired()).errors, ElementsAre(HasSubstr("port 4789")));
  }
  apply_all();
}

TEST_F(FabricApply, ReportsAndKeepsAForeignRouteInItsPlace) {
  output_of("ip route add 10.244.3.0/24 via 10.0.0.77");
  const Report report = apply(netlink_, desired());
  EXPECT_THAT(report.errors, ElementsAre(AllOf(HasSubstr("10.244.3.0/24"), HasSubstr("another"))));
  EXPECT_THAT(routes(), AllOf(Contains(StartsWith("main 10.244.3.0/24 via 10.0.0.77 ")),
                              Contains(StartsWith(kDirect))));
}

TEST_F(FabricApply, TakesBackOnlyARouteThatWasOurs) {
  output_of("ip route add 10.244.3.0/24 via 10.0.0.9 proto static");
  const Report first = apply(netlink_, desired());
  EXPECT_THAT(first.blocked, ElementsAre(prefix("10.244.3.0/24")));
  output_of(
      "ip route replace 10.244.2.0/24 via 10.0.0.9 proto static; "
      "ip -6 route replace fd10:2::/64 via fd00::9 proto static; "
      "ip -6 route replace fd10:3::/64 via fd00::9 proto static");
  EXPECT_THAT(apply(netlink_, desired()).blocked, SizeIs(4));
  const Report report =
      apply(netlink_, desired(), {},
            {prefix("10.244.2.0/24"), prefix("fd10:2::/64"), prefix("fd10:3::/64")});
  EXPECT_THAT(report.blocked, ElementsAre(prefix("10.244.3.0/24")));
  EXPECT_THAT(lines_with(routes(), "main 10.244.2.0/24 "),
              ElementsAre("main 10.244.2.0/24 via 10.0.0.2 dev eth0 proto 87 metric 0"));
  EXPECT_THAT(lines_with(routes(), "main 10.244.3.0/24 "),
              ElementsAre("main 10.244.3.0/24 via 10.0.0.9 dev eth0 proto 4 metric 0"));
  EXPECT_THAT(
      lines_with(lines_with(routes(), "main fd10:"), " via "),
      ElementsAre("main fd10:2::/64 via fd00::2 dev eth0 proto 87 metric 1024",
                  "main fd10:3::/64 via fd10:3:: dev plumb-vxlan onlink proto 86 metric 1024"));
}

TEST_F(FabricApply, AddsALostRouteWhosePlaceIsFree) {
  EXPECT_THAT(apply(netlink_, desired(), {}, {prefix("10.244.2.0/24")}).errors, IsEmpty());
  EXPECT_THAT(routes(), Contains(StartsWith(kDirect)));
}

TEST_F(FabricApply, KeepsAForeignRouteBesideOursInAReplacement) {
  apply_all();
  output_of("ip route prepend 10.244.3.0/24 via 10.0.0.77 proto static");
  peers_[1].addresses = {address("10.0.0.3")};
  EXPECT_THAT(apply(netlink_, desired()).errors, ElementsAre(HasSubstr("protocol 4")));
  EXPECT_THAT(routes(), Contains("main 10.244.3.0/24 via 10.0.0.77 dev eth0 proto 4 metric 0"));
}

TEST_F(FabricApply, ReportsAMissingParentOnce) {
  Desired wanted = desired({.backend = Backend::host_gw});
  output_of("ip link del eth0");
  EXPECT_THAT(apply(netlink_, wanted).errors, ElementsAre(HasSubstr("\"eth0\" does not exist")));
}

TEST_F(FabricApply, RemovesAllOurObjectsWhenNothingIsDesired) {
  const std::string before = state();
  apply_all();
  EXPECT_THAT(apply(netlink_, {}).errors, IsEmpty());
  EXPECT_EQ(state(), before);
}

TEST_F(FabricApply, KeepsObjectsOfOtherScopes) {
  apply_all();
  const std::string agents = state();
  Desired network = desired({.vni = 5, .device = "net5"});
  network.scope = "five";
  network.scope_ranges = {prefix("10.99.0.0/16")};
  network.routes = {{.dst = prefix("10.99.1.0/24"),
                     .protocol = kProtocolBlackhole,
                     .blackhole = true,
                     .metric = kBlackholeMetric}};
  EXPECT_THAT(apply(netlink_, network).errors, IsEmpty());
  EXPECT_EQ(apply_all().requests, 0u);
  EXPECT_EQ(apply(netlink_, network).requests, 0u);
  EXPECT_THAT(routes(), Contains(StartsWith("main blackhole 10.99.1.0/24 proto 84 ")));
  EXPECT_THAT(links(), Contains(AllOf(HasSubstr(": net5 "), HasSubstr("plumb:fabric:five"))));
  apply(netlink_, {.scope = "five", .scope_ranges = network.scope_ranges});
  EXPECT_EQ(state(), agents);
}

TEST_F(FabricApply, CreatesEachObjectOnceInParallelRuns) {
  Desired wanted = plan(self_, peers_, {}, find_underlay(netlink_, address("10.0.0.1")));
  for (int round = 0; round < 5; ++round) {
    std::vector<pid_t> children;
    for (int i = 0; i < 8; ++i) {
      const pid_t child = ::fork();
      ASSERT_GE(child, 0);
      if (child == 0) {
        net::Netlink own;
        const Report report = apply(own, wanted);
        for (const std::string& error : report.errors) std::fprintf(stderr, "%s\n", error.c_str());
        ::_exit(report.errors.empty() ? 0 : 1);
      }
      children.push_back(child);
    }
    for (const pid_t child : children) {
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      EXPECT_EQ(status, 0);
    }
    EXPECT_EQ(apply(netlink_, wanted).requests, 0u);
    apply(netlink_, {});
  }
}

TEST_F(FabricApply, MakesABridgedTunnelFloodToEveryPeerAndLearn) {
  output_of("ip link add br0 type bridge; ip link set br0 up");
  Desired wanted = desired({.backend = Backend::vxlan});
  Overlay& overlay = wanted.overlays[0];
  overlay.device.addresses.clear();
  overlay.device.learning = true;
  overlay.device.master = net::get_link(netlink_, "br0").index;
  overlay.neighbors.clear();
  overlay.fdb = {{{}, address("10.0.0.2")}, {{}, address("10.0.9.3")}};
  wanted.routes.clear();
  EXPECT_THAT(apply(netlink_, wanted).errors, IsEmpty());
  EXPECT_EQ(apply(netlink_, wanted).requests, 0u);
  EXPECT_THAT(links(), Contains(AllOf(HasSubstr(": plumb-vxlan "), HasSubstr(" master br0"),
                                      Not(HasSubstr("nolearning")))));
  const std::string dynamic = "52:00:00:00:00:01 dev plumb-vxlan dst 10.0.9.3 self dynamic";
  output_of("bridge fdb add " + dynamic);
  overlay.fdb.erase(overlay.fdb.begin());
  EXPECT_EQ(apply(netlink_, wanted).requests, 1u);
  EXPECT_THAT(fdb(), IsSupersetOf({"plumb-vxlan 00:00:00:00:00:00 dst 10.0.9.3 self permanent",
                                   "plumb-vxlan 52:00:00:00:00:01 dst 10.0.9.3 self"}));
  EXPECT_THAT(fdb(), Not(Contains(HasSubstr("10.0.0.2"))));
}

TEST_F(FabricApply, MakesBothFlannelDevices) {
  apply_all({.backend = Backend::vxlan, .port = 8472, .flannel = true});
  EXPECT_THAT(text_of(links()), AllOf(HasSubstr(": flannel.1 vxlan "), HasSubstr(": flannel-v6.1 "),
                                      HasSubstr(" local fd00::1 ")));
  EXPECT_EQ(apply_all({.backend = Backend::vxlan, .port = 8472, .flannel = true}).requests, 0u);
}

TEST_F(FabricApply, FindsTheUnderlayByItsAddress) {
  EXPECT_EQ(
      find_underlay(netlink_, address("fd00::1")),
      (Underlay{
          .parent = "eth0", .mtu = 1500, .subnets = {prefix("10.0.0.0/24"), prefix("fd00::/64")}}));
  EXPECT_THROW(find_underlay(netlink_, address("10.0.0.9")), std::system_error);
  output_of("ip addr add 10.77.0.1/32 dev lo; ip link set eth0 mtu 1400");
  const Underlay far = find_underlay(netlink_, address("10.77.0.1"));
  EXPECT_EQ(far.mtu, 1400);
  EXPECT_THAT(far.subnets, IsEmpty());
}

TEST_F(FabricApply, KeepsAcceptingRouterAdvertisementsWhenForwardingStarts) {
  output_of("ip -6 route add default via fe80::99 dev eth0 proto ra");
  ASSERT_EQ(output_of("cat /proc/sys/net/ipv6/conf/eth0/accept_ra"), "1\n");
  apply_all();
  EXPECT_EQ(output_of("cat /proc/sys/net/ipv6/conf/eth0/accept_ra"), "2\n");
}

}  // namespace
}  // namespace fabric
