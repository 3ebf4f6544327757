// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/node.h"

#include <sys/socket.h>

#include <gtest/gtest.h>

namespace fabric {
namespace {

base::IpAddress address(const char* text) {
  return base::IpAddress::parse(text).value();
}

TEST(VtepMac, IsTheIpv4AddressBehindAFixedPrefix) {
  EXPECT_EQ(vtep_mac(address("10.0.0.255")).text(), "02:76:0a:00:00:ff");
}

TEST(VtepMac, IsLocallyAdministeredUnicastAndDiffersForIpv6Addresses) {
  const base::Mac mac = vtep_mac(address("fd00::1"));
  EXPECT_EQ(mac.bytes[0], 0x06);
  EXPECT_NE(mac, vtep_mac(address("fd00::2")));
  EXPECT_EQ(mac, vtep_mac(address("fd00:0::0:1")));
}

TEST(Backend, WordsAreReadAsTheyAreWritten) {
  for (const Backend backend : {Backend::automatic, Backend::vxlan, Backend::host_gw, Backend::bgp})
    EXPECT_EQ(find_backend(word_of(backend)), backend);
  EXPECT_EQ(find_backend("hostgw"), std::nullopt);
}

TEST(Node, HasAtMostOneAddressPerFamily) {
  const Node node{.name = "a", .addresses = {address("10.0.0.1"), address("fd00::1")}};
  EXPECT_EQ(node.address_of(AF_INET6), address("fd00::1"));
  EXPECT_EQ((Node{.name = "b", .addresses = {address("10.0.0.1")}}).address_of(AF_INET6),
            std::nullopt);
}

}  // namespace
}  // namespace fabric
