// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/host/oracle.h"
#include "tests/support/host/test_host.h"

namespace test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
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
              IsSupersetOf({"br0 10.1.0.1/16", "lo 127.0.0.1/8", "v1 fd00::1/64"}));
  EXPECT_THAT(oracle::routes(),
              IsSupersetOf({"main 10.9.0.0/16 via 10.1.0.7 dev br0 proto 3 metric 0 mtu 1400",
                            "main blackhole 10.8.0.0/16 proto 85 metric 0"}));
  EXPECT_THAT(oracle::neighbours(), Contains("br0 10.1.0.9 lladdr 02:00:00:00:00:09 permanent"));
  EXPECT_THAT(oracle::rules(), IsSupersetOf({"ipv4 77 from 10.1.0.0/16 table 100",
                                             "ipv4 32766 from all table main"}));
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
