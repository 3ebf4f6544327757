// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include <vector>

#include <gtest/gtest.h>

#include "libcni/base/file.h"
#include "libcni/firewall/conntrack.h"
#include "tests/support/host/packet_world.h"

namespace firewall {
namespace {

using W = test::PacketWorld;

/// Connections of a family and protocol whose original destination port is `port`.
int count(const std::string& family, const std::string& protocol, std::uint16_t port) {
  return std::stoi(test::output_of(
      "grep '^" + family + " .* " + protocol +
      " ' /proc/self/net/nf_conntrack | grep -c '^[^[]*dport=" + std::to_string(port) + " '"));
}

class Conntrack : public ::testing::Test {
 protected:
  Conntrack() {
    // Connection tracking starts with the first rule that uses it.
    test::output_of(
        "nft 'add table inet x; add chain inet x y { type filter hook prerouting priority 0; }; "
        "add rule inet x y ct state new accept'");
  }
  test::PacketWorld world_;
};

TEST_F(Conntrack, ForgetsUdpByOriginalPortOfItsFamilyOnly) {
  if (!base::find_file("/proc/self/net/nf_conntrack"))
    GTEST_SKIP() << "the kernel has no /proc/net/nf_conntrack";
  const auto send = [&](const char* address, std::uint16_t port) {
    world_.udp(world_.outside, port, &world_.pod, {address, port});
  };
  send(W::kOutside, 53);
  send(W::kOutside, 54);
  send(W::kOutside6, 53);
  world_.tcp(world_.outside, 53, &world_.pod, {W::kOutside, 53});
  forget_udp_flows(AF_INET, std::vector<std::uint16_t>{53});
  EXPECT_EQ(count("ipv4", "udp", 53), 0);
  EXPECT_EQ(count("ipv4", "udp", 54), 1);
  EXPECT_EQ(count("ipv6", "udp", 53), 1);
  EXPECT_GE(count("ipv4", "tcp", 53), 1);
  forget_udp_flows(AF_INET6, std::vector<std::uint16_t>{53, 54});
  EXPECT_EQ(count("ipv6", "udp", 53), 0);
  EXPECT_EQ(count("ipv4", "udp", 54), 1);
}

TEST_F(Conntrack, NothingToForgetIsFine) {
  EXPECT_NO_THROW(forget_udp_flows(AF_INET, std::vector<std::uint16_t>{53}));
  EXPECT_NO_THROW(forget_udp_flows(AF_INET6, std::vector<std::uint16_t>{53}));
  EXPECT_NO_THROW(forget_udp_flows(AF_INET6, {}));
}

}  // namespace
}  // namespace firewall
