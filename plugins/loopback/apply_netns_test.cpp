// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/net/address.h"
#include "libcni/net/link.h"
#include "plugins/loopback/apply.h"
#include "tests/support/host/oracle.h"

namespace loopback {
namespace {

using testing::HasSubstr;

class LoopbackApply : public testing::Test {
 protected:
  LoopbackApply() { request_.sandbox = base::Netns::create(); }
  net::Netlink sandbox() const { return net::Netlink(*request_.sandbox); }
  bool is_up() const {
    bool up = false;
    request_.sandbox->run([&] {
      up = test::oracle::text_of(test::oracle::links()).find(": lo up ") != std::string::npos;
    });
    return up;
  }
  std::string verify_failure() const {
    try {
      verify(request_);
    } catch (const cni::Error& error) {
      return error.what();
    }
    return "";
  }
  cni::Request request_{.netns = "/run/netns/t"};
};

TEST_F(LoopbackApply, S151_SetsLoUpAndListsItsAddresses) {
  ASSERT_FALSE(is_up());
  const auto result = add(request_);
  EXPECT_TRUE(is_up());
  ASSERT_FALSE(result.ips.empty());
  EXPECT_EQ(result.ips[0].address.text(), "127.0.0.1/8");
  EXPECT_EQ(result.interfaces.at(0).sandbox, "/run/netns/t");
}

TEST_F(LoopbackApply, S152_AForeignAddressFailsAddAndLeavesLoDown) {
  auto netlink = sandbox();
  net::add_address(netlink, net::get_link(netlink, "lo").index,
                   base::Prefix::parse("10.0.0.1/8").value(), net::Dad::kernel_default);
  EXPECT_THROW(add(request_), cni::Error);
  EXPECT_FALSE(is_up());
}

TEST_F(LoopbackApply, S164_DelTakesLoDownAnyNumberOfTimes) {
  add(request_);
  remove(request_);
  EXPECT_FALSE(is_up());
  remove(request_);
  request_.sandbox.reset();  // S-042
  remove(request_);
}

TEST_F(LoopbackApply, S180_CheckNoticesMissingObjects) {
  EXPECT_EQ(verify_failure(), "Required prevResult missing");  // S-179
  request_.prev_result = add(request_);
  EXPECT_EQ(verify_failure(), "");
  auto netlink = sandbox();
  const int lo = net::get_link(netlink, "lo").index;
  net::remove_address(netlink, lo, base::Prefix::parse("127.0.0.1/8").value());
  EXPECT_THAT(verify_failure(), HasSubstr("127.0.0.1/8"));
  net::set_down(netlink, lo);
  EXPECT_EQ(verify_failure(), "loopback interface is down");
}

}  // namespace
}  // namespace loopback
