// SPDX-License-Identifier: Apache-2.0
#include "ipam/host-local/resolv_conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ipam_host_local {
namespace {

using testing::ElementsAre;

TEST(ResolvConf, JoinsLinesOfOneKind) {
  const cni::Dns dns = parse_resolv_conf(
      "# written by hand\n"
      "; the same\r\n"
      "nameserver 192.0.2.1 192.0.2.9\n"
      "  nameserver\t192.0.2.2  \n"
      "domain a.test\n"
      "domain b.test\n"
      "search one.test two.test\n"
      "search three.test\n"
      "options ndots:2\n"
      "options edns0 rotate");
  EXPECT_THAT(dns.nameservers, ElementsAre("192.0.2.1", "192.0.2.2"));
  EXPECT_EQ(dns.domain, "b.test");
  EXPECT_THAT(dns.search, ElementsAre("one.test", "two.test", "three.test"));
  EXPECT_THAT(dns.options, ElementsAre("ndots:2", "edns0", "rotate"));
}

// P8
TEST(ResolvConf, AcceptsAByteOrderMark) {
  EXPECT_THAT(parse_resolv_conf("\xef\xbb\xbfnameserver 192.0.2.1").nameservers,
              ElementsAre("192.0.2.1"));
}

TEST(ResolvConf, IgnoresUnknownLines) {
  EXPECT_TRUE(parse_resolv_conf("").empty());
  EXPECT_TRUE(parse_resolv_conf("nameserver\nsortlist 192.0.2.0\n#nameserver 192.0.2.1").empty());
}

}  // namespace
}  // namespace ipam_host_local
