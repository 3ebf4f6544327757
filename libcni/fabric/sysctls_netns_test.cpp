// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/fabric/apply.h"
#include "libcni/fabric/sysctls.h"
#include "libcni/net/sysctl.h"
#include "tests/support/host/test_host.h"

namespace fabric {
namespace {

using test::output_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kForward4 = "net/ipv4/ip_forward";
constexpr const char* kForward6 = "net/ipv6/conf/all/forwarding";
constexpr const char* kAcceptRa = "net/ipv6/conf/uplink/accept_ra";

/// A host whose default route for IPv6 came by a router advertisement.
class FabricSysctls : public ::testing::Test {
 protected:
  FabricSysctls() {
    output_of(
        "ip link add uplink type veth peer name far; sysctl -qw net.ipv6.conf.far.accept_ra=0; "
        "ip link set far up; ip link set uplink up; "
        "ip -6 route add default via fe80::99 dev uplink proto ra");
  }

  void apply_routes() {
    Desired desired;
    for (const char* range : {"10.244.1.0/24", "fd10:1::/64"})
      desired.routes.push_back({.dst = base::Prefix::parse(range).value(),
                                .protocol = kProtocolBlackhole,
                                .blackhole = true,
                                .metric = kBlackholeMetric});
    EXPECT_THAT(apply(netlink_, desired, folder_.path()).errors, IsEmpty());
  }
  RestoredSysctls restore() { return restore_sysctls(netlink_, folder_.path()); }

  test::TestHost host_;
  test::TempDir folder_;
  net::Netlink netlink_;
};

TEST_F(FabricSysctls, AreRestored) {
  apply_routes();
  EXPECT_THAT(read_changed_sysctls(folder_.path()),
              ElementsAre(ChangedSysctl{kForward4, "0", "1"}, ChangedSysctl{kAcceptRa, "1", "2"},
                          ChangedSysctl{kForward6, "0", "1"}));
  apply(netlink_, {});
  const RestoredSysctls restored = restore();
  EXPECT_THAT(restored.restored,
              ElementsAre("net/ipv4/ip_forward = 0", "net/ipv6/conf/all/forwarding = 0",
                          "net/ipv6/conf/uplink/accept_ra = 1"));
  EXPECT_THAT(restored.left, IsEmpty());
  for (const char* key : {kForward4, kForward6}) EXPECT_EQ(net::find_sysctl(key), "0");
  EXPECT_EQ(net::find_sysctl(kAcceptRa), "1");
  EXPECT_EQ(output_of("ls " + folder_.path()), "");
  EXPECT_THAT(restore().restored, IsEmpty());
}

TEST_F(FabricSysctls, AreRecordedBeforeTheChange) {
  record_sysctl(folder_.path(), {kForward4, "0", "1"});
  EXPECT_THAT(restore().restored, IsEmpty());
  record_sysctl(folder_.path(), {kForward4, "0", "1"});
  apply_routes();
  // A change by another program in between does not replace the recorded value.
  output_of("sysctl -qw net.ipv4.ip_forward=0");
  apply_routes();
  EXPECT_THAT(restore().restored, ::testing::Contains("net/ipv4/ip_forward = 0"));
}

TEST_F(FabricSysctls, KeepAValueOfAnotherProgram) {
  apply_routes();
  net::write_sysctl(kAcceptRa, "0");
  EXPECT_THAT(
      restore().left,
      ElementsAre("net/ipv6/conf/uplink/accept_ra = 0: another program has changed it from 2"));
  EXPECT_EQ(net::find_sysctl(kAcceptRa), "0");
}

TEST_F(FabricSysctls, ForwardingStaysWhileAPodIsThere) {
  const test::TestHost::Sandbox pod = host_.add_sandbox();
  apply_routes();
  output_of("ip link add pod0 type veth peer name eth0 netns /proc/" + std::to_string(::getpid()) +
            "/fd/" + std::to_string(pod.netns.fd()));
  const RestoredSysctls first = restore();
  EXPECT_THAT(first.restored, IsEmpty());
  EXPECT_THAT(first.left, ElementsAre("net/ipv4/ip_forward = 1: veth \"pod0\" may need it",
                                      HasSubstr("all/forwarding = 1: veth \"pod0\" may need it"),
                                      HasSubstr("accept_ra = 2: forwarding stays on")));
  EXPECT_EQ(net::find_sysctl(kForward4), "1");
  output_of("ip link delete pod0");
  EXPECT_EQ(restore().restored.size(), 3u);
  EXPECT_EQ(net::find_sysctl(kForward4), "0");
}

// The other end could send router advertisements to this machine.
TEST_F(FabricSysctls, LeaveLinksToPodsOfOtherProgramsAsTheyAre) {
  output_of(
      "ip link add cali1 type veth peer name pod1; ip link set cali1 up; ip link set pod1 up;"
      "ip link add lxc2 type veth peer name pod2; ip addr add 10.5.0.1/32 dev lxc2;"
      "ip addr add fd05::1/128 dev lxc2 nodad; ip link set lxc2 up; ip link set pod2 up;"
      "ip tuntap add tap3 mode tap; ip link set tap3 up;"
      "ip link add node4 type veth peer name far4; ip addr add 192.0.2.1/24 dev node4;"
      "ip link set node4 up");
  const auto accept_ra = [](const char* link) {
    return net::find_sysctl(std::string("net/ipv6/conf/") + link + "/accept_ra");
  };
  apply_routes();
  for (const char* link : {"cali1", "lxc2", "tap3"}) EXPECT_EQ(accept_ra(link), "1") << link;
  for (const char* link : {"uplink", "node4"}) EXPECT_EQ(accept_ra(link), "2") << link;
}

TEST_F(FabricSysctls, AreSetWhereTheyCannotBeRecorded) {
  Desired desired;
  desired.routes.push_back({.dst = base::Prefix::parse("10.244.1.0/24").value(),
                            .protocol = kProtocolBlackhole,
                            .blackhole = true,
                            .metric = kBlackholeMetric});
  const Report report = apply(netlink_, desired, folder_.file("in-the-way", ""));
  EXPECT_THAT(report.errors, ElementsAre(HasSubstr("remember sysctl net/ipv4/ip_forward = 0")));
  EXPECT_EQ(net::find_sysctl(kForward4), "1");
}

}  // namespace
}  // namespace fabric
