// SPDX-License-Identifier: Apache-2.0
#include "plugins/portmap/plan.h"

#include <netinet/in.h>

#include <gtest/gtest.h>

namespace portmap {
namespace {

firewall::HostPort tcp(std::uint16_t host, std::uint16_t container, const char* host_ip = nullptr) {
  firewall::HostPort port{.protocol = IPPROTO_TCP, .host_port = host, .container_port = container};
  if (host_ip != nullptr) port.host_ip = base::IpAddress::parse(host_ip);
  return port;
}

cni::IpConfig ip(const char* address, std::optional<int> interface) {
  return {.address = *base::Prefix::parse(address), .interface = interface};
}

cni::Result dual_stack() {
  return {.interfaces = {{.name = "cni0", .mac = ""},
                         {.name = "eth0", .mac = "", .sandbox = "/run/netns/x"}},
          .ips = {ip("10.0.0.1/24", 0), ip("10.1.0.5/24", 1), ip("10.1.0.6/24", 1),
                  ip("fd00::5/64", 1)}};
}

TEST(PortmapPlan, TakesTheFirstAddressOfEachFamilyThatIsTheContainers) {
  const auto addresses = container_addresses(dual_stack(), "eth0");
  ASSERT_EQ(addresses.size(), 2u);
  EXPECT_EQ(addresses[0].text(), "10.1.0.5/24");
  EXPECT_EQ(addresses[1].text(), "fd00::5/64");
  EXPECT_TRUE(container_addresses(dual_stack(), "eth1").empty());
}

TEST(PortmapPlan, AnAddressWithoutAKnownInterfaceIsTheContainers) {
  for (const std::optional<int> interface :
       {std::optional<int>{}, std::optional(-1), std::optional(9)}) {
    cni::Result result = dual_stack();
    result.ips = {ip("10.1.0.9/24", interface)};
    EXPECT_EQ(container_addresses(result, "eth0").size(), 1u);
  }
}

TEST(PortmapPlan, NothingToMapOrNoAddressIsEmpty) {
  EXPECT_TRUE(make_plan({}, dual_stack(), "eth0").empty());
  EXPECT_TRUE(make_plan({.mappings = {tcp(80, 80)}}, {}, "eth0").empty());
}

TEST(PortmapPlan, AHostAddressConcernsItsFamilyOnly) {
  const Plan plan =
      make_plan({.mappings = {tcp(80, 80, "192.0.2.1"), tcp(81, 81, "::"), tcp(82, 82)}},
                dual_stack(), "eth0");
  ASSERT_EQ(plan.nftables.size(), 2u);
  EXPECT_EQ(plan.nftables[0].ports, (std::vector{tcp(80, 80, "192.0.2.1"), tcp(82, 82)}));
  EXPECT_EQ(plan.nftables[1].ports, (std::vector{tcp(81, 81), tcp(82, 82)}));
  const Plan v4_only = make_plan({.mappings = {tcp(80, 80, "192.0.2.1")}}, dual_stack(), "eth0");
  EXPECT_EQ(v4_only.nftables.size(), 1u);
}

TEST(PortmapPlan, MasqueradesSourcesAsSnatSays) {
  using enum firewall::HostPortMasquerade;
  const auto masquerade = [](bool snat, bool all) {
    return make_plan({.snat = snat, .masq_all = all, .mappings = {tcp(80, 80)}}, dual_stack(),
                     "eth0");
  };
  EXPECT_EQ(masquerade(true, false).nftables[0].masquerade, local);
  EXPECT_EQ(masquerade(true, true).nftables[0].masquerade, all);
  EXPECT_EQ(masquerade(false, true).nftables[0].masquerade, none);
  EXPECT_TRUE(masquerade(true, false).reached_from_localhost);
  EXPECT_FALSE(masquerade(false, false).reached_from_localhost);
}

TEST(PortmapPlan, IptablesListsAllPortsInBothFamilies) {
  const Conf conf{.backend = Backend::iptables,
                  .conditions_v4 = {"!", "-s", "10.0.0.0/8"},
                  .mappings = {tcp(80, 80, "192.0.2.1"), tcp(82, 82)}};
  const Plan plan = make_plan(conf, dual_stack(), "eth0");
  EXPECT_TRUE(plan.nftables.empty());
  ASSERT_EQ(plan.iptables.size(), 2u);
  EXPECT_EQ(plan.iptables[1].ports.ports, std::vector{tcp(82, 82)});
  EXPECT_EQ(plan.iptables[1].listed.size(), 2u);
  EXPECT_EQ(plan.iptables[0].conditions.v4, "! -s 10.0.0.0/8");
}

}  // namespace
}  // namespace portmap
