// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/network.h"

#include <sys/socket.h>

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/spec/error.h"

namespace agent::etcd {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kKey = "/coreos.com/network/config";

base::Prefix prefix(const char* text) {
  return base::Prefix::parse(text).value();
}

std::string complaint(const char* text) {
  try {
    parse_network(text, kKey);
  } catch (const cni::Error& error) {
    EXPECT_LT(std::string(error.what()).size(), 200u);
    return error.what();
  }
  return "none";
}

TEST(EtcdNetwork, HasFlannelsDefaults) {
  const Network network =
      parse_network(R"({"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}})", kKey);
  ASSERT_EQ(network.pools.size(), 1u);
  const Pool& pool = network.pools.front();
  EXPECT_EQ(pool.network.text(), "10.5.0.0/16");
  EXPECT_EQ(range_of(pool, pool.first).text(), "10.5.1.0/24");
  EXPECT_EQ(range_of(pool, pool.last).text(), "10.5.255.0/24");
  EXPECT_EQ(network.defaults.backend, fabric::Backend::vxlan);
  EXPECT_EQ(network.defaults.vni, 1u);
  EXPECT_EQ(network.defaults.port, 8472);
  EXPECT_EQ(network.defaults.cluster_ranges, std::vector{prefix("10.5.0.0/16")});
}

TEST(EtcdNetwork, ReadsEveryKey) {
  const Network network = parse_network(
      R"({"EnableIPv4":true,"EnableIPv6":true,"Network":"10.5.0.0/16","IPv6Network":"fc00::/48",
          "SubnetLen":25,"SubnetMin":"10.5.2.128","SubnetMax":"10.5.9.0","IPv6SubnetLen":80,
          "IPv6SubnetMin":"fc00:0:0:1::","IPv6SubnetMax":"fc00:0:0:2::",
          "Backend":{"Type":"vxlan","VNI":4096,"Port":4789,"DirectRouting":true}})",
      kKey);
  ASSERT_EQ(network.pools.size(), 2u);
  const Pool &v4 = network.pools[0], &v6 = network.pools[1];
  EXPECT_EQ(range_of(v4, v4.first).text(), "10.5.2.128/25");
  EXPECT_EQ(range_of(v4, v4.last).text(), "10.5.9.0/25");
  EXPECT_EQ(range_of(v6, v6.first).text(), "fc00:0:0:1::/80");
  EXPECT_EQ(range_of(v6, v6.last).text(), "fc00:0:0:2::/80");
  EXPECT_EQ(network.defaults.backend, fabric::Backend::automatic);
  EXPECT_EQ(network.defaults.vni, 4096u);
  EXPECT_EQ(network.defaults.port, 4789);
}

TEST(EtcdNetwork, ReadsTheMtuOfThePacketsBetweenTheNodes) {  // L6
  const auto mtu_of = [](const std::string& mtu) {
    return parse_network(
               R"({"Network":"10.5.0.0/16","Backend":{"Type":"vxlan","MTU":)" + mtu + "}}", kKey)
        .defaults.underlay_mtu;
  };
  EXPECT_EQ(mtu_of("1400"), 1400);
  EXPECT_EQ(mtu_of("0"), std::nullopt);
  EXPECT_THAT(complaint(R"({"Network":"10.5.0.0/16","Backend":{"Type":"vxlan","MTU":100}})"),
              HasSubstr("\"Backend.MTU\" must be of the packets between the nodes"));
}

TEST(EtcdNetwork, QuartersASmallNetwork) {
  const Network network = parse_network(
      R"({"Network":"10.5.0.0/24","EnableIPv6":true,"IPv6Network":"fc00::/64"})", kKey);
  EXPECT_EQ(network.pools[0].length, 26);
  EXPECT_EQ(network.pools[1].length, 66);
  EXPECT_FALSE(network.defaults.backend);
}

TEST(EtcdNetwork, NamesTheWrongKey) {
  for (const char* text :
       {"", "null", "[]", "{", R"({"Network":"10.5.0.0"})", R"({"Network":"fc00::/48"})",
        R"({"Network":"10.5.0.0/30"})", R"({"Network":"10.5.0.0/16","SubnetLen":17})",
        R"({"Network":"10.5.0.0/16","SubnetLen":"24"})",
        R"({"Network":"10.5.0.0/16","SubnetMin":"10.6.0.0"})",
        R"({"Network":"10.5.0.0/16","SubnetMax":"10.5.0.1"})",
        R"({"Network":"10.5.0.0/16","SubnetMin":"10.5.9.0","SubnetMax":"10.5.8.0"})",
        R"({"Network":"10.5.0.0/16","EnableIPv6":true})",
        R"({"Network":"10.5.0.0/16","Backend":{"Type":"udp"}})",
        R"({"Network":"10.5.0.0/16","Backend":{"Type":"vxlan","VNI":0}})",
        R"({"Network":"10.5.0.0/16","Backend":{"Type":"vxlan","Port":65536}})"})
    EXPECT_THAT(complaint(text), StartsWith(kKey)) << text;
  EXPECT_THAT(complaint(R"({"Network":"10.5.0.0/16","SubnetLen":17})"),
              HasSubstr("\"SubnetLen\" must be between 18 and 30, not 17"));
  EXPECT_THAT(complaint(R"({"Network":"10.5.0.0/16","Backend":{"Type":"udp"}})"),
              HasSubstr("\"Backend.Type\" must be \"vxlan\", \"host-gw\""));
}

TEST(EtcdNetwork, TakesThePoolsOfTheConfiguration) {
  Config config;
  config.fabric.cluster_ranges = {prefix("10.5.0.0/16"), prefix("fc00::/48")};
  config.range_lengths = {{AF_INET, 26}};
  const auto pools = pools_of(config);
  ASSERT_EQ(pools.size(), 2u);
  EXPECT_EQ(pools[0], make_pool(prefix("10.5.0.0/16"), 26));
  EXPECT_EQ(pools[1], make_pool(prefix("fc00::/48"), 64));
  config.range_lengths = {{AF_INET6, 40}};
  EXPECT_THROW(pools_of(config), cni::Error);
}

}  // namespace
}  // namespace agent::etcd
