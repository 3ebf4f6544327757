// SPDX-License-Identifier: Apache-2.0
#include <net/if.h>

#include <chrono>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/host/oracle.h"
#include "tests/support/host/test_host.h"

namespace test {
namespace {

using oracle::Lines;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

TEST(Oracle, ReadsWhatIpHasMade) {
  const TestHost host;
  output_of(
      "ip link add br0 address 02:00:00:00:00:01 type bridge; ip addr add 10.1.0.1/16 dev br0;"
      "ip link add v0 type veth peer name v1; ip link set v0 master br0; ip link set br0 up;"
      "ip route add 10.9.0.0/16 via 10.1.0.7 mtu 1400; ip route add blackhole 10.8.0.0/16 proto 85;"
      "ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev br0;"
      "ip addr add fd00::1/64 dev v1 nodad; ip link set v1 up;"
      "ip rule add from 10.1.0.0/16 lookup 100 prio 77");
  EXPECT_THAT(
      oracle::links(),
      AllOf(Contains(HasSubstr(": br0 bridge up mtu 1500 qdisc noqueue mac 02:00:00:00:00:01")),
            Contains(AllOf(HasSubstr(": v0 veth down "), HasSubstr(" master br0")))));
  EXPECT_THAT(oracle::addresses(),
              IsSupersetOf({"br0 10.1.0.1/16", "lo 127.0.0.1/8 scope host", "v1 fd00::1/64"}));
  EXPECT_THAT(oracle::routes(),
              IsSupersetOf({"main 10.9.0.0/16 via 10.1.0.7 dev br0 proto 3 metric 0 mtu 1400",
                            "main blackhole 10.8.0.0/16 proto 85 metric 0"}));
  EXPECT_THAT(oracle::neighbours(), Contains("br0 10.1.0.9 lladdr 02:00:00:00:00:09 permanent"));
  EXPECT_THAT(oracle::rules(), IsSupersetOf({"ipv4 77 from 10.1.0.0/16 table 100",
                                             "ipv4 32766 from all table main"}));
}

TEST(Oracle, ReadsTunnelsAndTheirEntries) {
  const TestHost host;
  output_of(
      "ip link add t0 address 02:00:00:00:00:01 type vxlan id 7 local 10.0.0.1 dstport 4789 "
      "nolearning noudpcsum; ip link set t0 up alias mine group 7;"
      "ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev t0 proto 88;"
      "for i in 2 3; do bridge fdb append 00:00:00:00:00:00 dev t0 dst 10.0.0.$i; done;"
      "bridge fdb add 02:00:00:00:00:09 dev t0 dst 10.0.0.9 self dynamic");
  EXPECT_THAT(oracle::links(),
              Contains(EndsWith(
                  ": t0 vxlan up mtu 1500 qdisc noqueue mac 02:00:00:00:00:01 "
                  "group 7 alias mine vxlan id 7 local 10.0.0.1 port 4789 nolearning noudpcsum")));
  EXPECT_THAT(oracle::neighbours(),
              Contains("t0 10.1.0.9 lladdr 02:00:00:00:00:09 permanent proto 88"));
  EXPECT_THAT(oracle::lines_with(oracle::fdb(), "t0 "),
              ElementsAre("t0 00:00:00:00:00:00 dst 10.0.0.2 self permanent",
                          "t0 00:00:00:00:00:00 dst 10.0.0.3 self permanent",
                          "t0 02:00:00:00:00:09 dst 10.0.0.9 self"));
}

TEST(Oracle, ReadsPortsPeersAndStates) {
  const TestHost host;
  output_of(
      "ip link add br0 type bridge nf_call_iptables 1; ip link add v0 type veth peer name v1;"
      "ip link set v0 master br0; ip link set v0 type bridge_slave hairpin on isolated on");
  const auto of = [](const Lines& lines, const char* name) {
    return oracle::text_of(oracle::lines_with(lines, name));
  };
  EXPECT_THAT(of(oracle::links(), ": br0 "), HasSubstr(" nf_call_iptables\n"));
  EXPECT_THAT(of(oracle::links(), ": v0 "),
              AllOf(HasSubstr(" link " + std::to_string(::if_nametoindex("v1")) + " master br0"),
                    HasSubstr(" hairpin isolated\n")));
  EXPECT_EQ(of(oracle::states(), "v1 "), "v1 down\n");
  output_of("ip link set v0 up; ip link set v1 up");
  std::string state;
  for (int i = 0; i < 200 && state != "v1 up\n"; ++i) {
    if (i > 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    state = of(oracle::states(), "v1 ");
  }
  EXPECT_EQ(state, "v1 up\n");
}

TEST(Oracle, ReadsLifetimesRulesAndQueues) {
  const TestHost host;
  output_of(
      "ip addr add 10.3.0.1/24 dev lo valid_lft 60 preferred_lft 60;"
      "ip rule add from 10.1.0.0/16 to 10.2.0.0/16 iif lo fwmark 5 lookup 100 prio 78;"
      "ip -6 rule add oif lo lookup 101 prio 79; ip link add d0 type ifb;"
      "tc qdisc add dev d0 root handle 1: tbf rate 8mbit burst 4000 limit 9000");
  EXPECT_THAT(oracle::addresses(), Contains("lo 10.3.0.1/24 dynamic"));
  EXPECT_THAT(oracle::rules(),
              IsSupersetOf({"ipv4 78 from 10.1.0.0/16 to 10.2.0.0/16 iif lo fwmark 5 table 100",
                            "ipv6 79 from all oif lo table 101"}));
  EXPECT_THAT(oracle::qdiscs(),
              Contains("d0 tbf 1: parent root rate 1000000 burst 4000 limit 9000"));
}

TEST(Oracle, ListsRoutesOfOneDestinationOnSeveralLinks) {
  const TestHost host;
  output_of(
      "for i in 1 2; do ip link add d$i type ifb; ip link set d$i up; "
      "ip -6 route add fd01::/64 dev d$i metric 7; done");
  EXPECT_THAT(oracle::text_of(oracle::routes()),
              AllOf(HasSubstr("main fd01::/64 dev d1 "), HasSubstr("dev d2 ")));
}

}  // namespace
}  // namespace test
