// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "libcni/net/address.h"
#include "libcni/net/link.h"
#include "tests/support/host/test_host.h"

namespace net {
namespace {

base::Prefix prefix(const char* text) {
  return base::Prefix::parse(text).value();
}

TEST(Addresses, EnsureReturnsWhetherTheAddressWasNew) {
  const test::TestHost host;
  Netlink netlink;
  const int lo = get_link(netlink, "lo").index;
  EXPECT_TRUE(ensure_address(netlink, lo, prefix("10.1.0.1/32")));
  EXPECT_FALSE(ensure_address(netlink, lo, prefix("10.1.0.1/32")));
  EXPECT_TRUE(ensure_address(netlink, lo, prefix("10.1.0.1/24")));
  EXPECT_TRUE(ensure_address(netlink, lo, prefix("fe80::1/64")));
  EXPECT_FALSE(ensure_address(netlink, lo, prefix("fe80::1/128")));
  EXPECT_THROW(ensure_address(netlink, 4711, prefix("10.1.0.2/32")), std::system_error);
}

}  // namespace
}  // namespace net
