// SPDX-License-Identifier: Apache-2.0
#include "plugins/loopback/plan.h"

#include <gtest/gtest.h>

namespace loopback {
namespace {

net::Address address(const char* text) {
  return {.index = 1, .prefix = base::Prefix::parse(text).value()};
}

TEST(LoopbackPlan, ListsTheFirstAddressOfEachFamily) {
  const cni::Request request{.netns = "/run/netns/t"};
  const auto result =
      make_result(request, {address("127.0.0.1/8"), address("127.0.0.2/8"), address("::1/128")});
  ASSERT_EQ(result.interfaces.size(), 1u);
  EXPECT_EQ(result.interfaces[0],
            (cni::Interface{.name = "lo", .mac = "00:00:00:00:00:00", .sandbox = "/run/netns/t"}));
  ASSERT_EQ(result.ips.size(), 2u);
  EXPECT_EQ(result.ips[0].address.text(), "127.0.0.1/8");
  EXPECT_EQ(result.ips[1].address.text(), "::1/128");
  EXPECT_EQ(result.ips[1].interface, 0);
}

// S-214 S-223
TEST(LoopbackPlan, S214_PassesPrevResultOnUnchanged) {
  cni::Request request;
  request.prev_result = cni::Result{.interfaces = {{.name = "eth0", .mac = ""}}};
  EXPECT_EQ(make_result(request, {address("127.0.0.1/8")}), *request.prev_result);
}

TEST(LoopbackPlan, RefusesAnAddressThatIsNotLoopback) {
  EXPECT_NO_THROW(require_loopback({address("127.9.9.9/8"), address("::1/128")}));
  EXPECT_THROW(require_loopback({address("127.0.0.1/8"), address("10.0.0.1/8")}), cni::Error);
}

// S-122 S-183: entries of other plugins and invalid indices are ignored.
TEST(LoopbackPlan, S122_ChecksOnlyAddressesListedForLo) {
  const cni::Result result{.interfaces = {{.name = "eth0", .mac = "", .sandbox = "/n"},
                                          {.name = "lo", .mac = "", .sandbox = "/n"}},
                           .ips = {{.address = address("10.0.0.2/24").prefix, .interface = 0},
                                   {.address = address("127.0.0.1/8").prefix, .interface = 1},
                                   {.address = address("10.0.0.3/24").prefix, .interface = -1},
                                   {.address = address("10.0.0.4/24").prefix, .interface = 7},
                                   {.address = address("10.0.0.5/24").prefix}}};
  const auto listed = listed_addresses(result);
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].text(), "127.0.0.1/8");
}

}  // namespace
}  // namespace loopback
