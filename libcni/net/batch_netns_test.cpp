// SPDX-License-Identifier: Apache-2.0
#include <linux/ip.h>

#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/net/address.h"
#include "libcni/net/batch.h"
#include "libcni/net/link.h"
#include "libcni/net/route.h"
#include "libcni/net/sysctl.h"
#include "tests/support/host/test_host.h"

namespace net {
namespace {

base::Prefix prefix(const char* text) {
  return base::Prefix::parse(text).value();
}

const auto kHasAlias = testing::Contains(
    testing::AllOf(testing::HasSubstr(": v0 veth "), testing::HasSubstr(" alias mine")));

class BatchTest : public ::testing::Test {
 protected:
  test::TestHost host_;
  Netlink netlink_;
  int lo_ = get_link(netlink_, "lo").index;
};

TEST_F(BatchTest, CarriesOutAllAndNamesTheFirstRefusal) {
  Batch batch(netlink_);
  put_up(batch, lo_);
  put_address(batch, 4711, prefix("10.1.0.1/32"), Dad::skip);
  put_address(batch, lo_, prefix("10.1.0.2/32"), Dad::skip);
  put_address(batch, 4712, prefix("10.1.0.3/32"), Dad::skip);
  try {
    batch.send();
    ADD_FAILURE() << "no failure";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), ENODEV);
    EXPECT_THAT(error.what(), testing::StartsWith("add address 10.1.0.1/32 on link 4711"));
  }
  EXPECT_THAT(test::oracle::addresses(), testing::Contains("lo 10.1.0.2"));
  batch.send();  // what was refused is not refused again
}

TEST_F(BatchTest, ToleratesWhatIsThereOrGoneAlready) {
  const Route route{.dst = prefix("10.9.0.0/24"), .oif = lo_};
  set_up(netlink_, lo_);
  for (int i = 0; i < 2; ++i) {
    Batch batch(netlink_);
    put_missing_address(batch, lo_, prefix("10.1.0.1/32"));
    put_route(batch, route);
    EXPECT_NO_THROW(batch.send());
  }
  for (int i = 0; i < 2; ++i) {
    Batch batch(netlink_);
    remove_route(batch, route);
    EXPECT_NO_THROW(batch.send());
  }
  EXPECT_FALSE(remove_route(netlink_, route));
}

TEST_F(BatchTest, SetsKnobsOfIpv4) {
  Batch batch(netlink_);
  const Ipv4Knob knobs[]{{IPV4_DEVCONF_ARP_NOTIFY, 1}, {IPV4_DEVCONF_ACCEPT_REDIRECTS, 0}};
  put_ipv4_knobs(batch, lo_, knobs);
  batch.send();
  EXPECT_EQ(find_sysctl("net/ipv4/conf/lo/arp_notify"), "1");
  EXPECT_EQ(find_sysctl("net/ipv4/conf/lo/accept_redirects"), "0");
}

TEST_F(BatchTest, ANewPairIsDescribedAsALookUpDescribesIt) {
  const base::Netns sandbox = base::Netns::create();
  const auto made =
      add_veth(netlink_, sandbox, {.host_name = "v0", .sandbox_name = "eth0", .host_group = 7});
  const Link found = get_link(netlink_, "v0");
  if (made) {  // kernel 6.2
    EXPECT_EQ(made->index, found.index);
    EXPECT_EQ(made->mac, found.mac);
    EXPECT_EQ(made->mtu, found.mtu);
    EXPECT_EQ(made->group, 7u);
    EXPECT_TRUE(made->up);
  }
  complete_host_end(netlink_, made.value_or(found), "mine");
  EXPECT_THAT(test::oracle::links(), kHasAlias);
  EXPECT_THAT(test::oracle::links(),
              testing::Not(testing::Contains(testing::HasSubstr(" group "))));
  EXPECT_EQ(find_sysctl("net/ipv6/conf/v0/addr_gen_mode"), "1");
}

TEST_F(BatchTest, AnEndWithoutIpv6IsCompletedToo) {
  const base::Netns sandbox = base::Netns::create();
  add_veth(netlink_, sandbox, {.host_name = "v0", .sandbox_name = "eth0", .mtu = 1000});
  const Link found = get_link(netlink_, "v0");
  EXPECT_FALSE(found.has_ipv6);
  complete_host_end(netlink_, found, "mine");
  EXPECT_THAT(test::oracle::links(), kHasAlias);
}

}  // namespace
}  // namespace net
