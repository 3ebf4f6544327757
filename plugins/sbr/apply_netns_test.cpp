// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/file.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/unique_fd.h"
#include "plugins/sbr/apply.h"
#include "tests/support/host/test_host.h"

namespace sbr {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class SbrApply : public ::testing::Test {
 protected:
  SbrApply() {
    // Another network's interface has the default route; net1 is the one that sbr works for.
    run("for end in eth0 net1; do ip link add $end type veth peer name p$end; ip link set p$end up;"
        "sysctl -qw net.ipv6.conf.$end.accept_dad=0; ip link set $end up; done;"
        "ip addr add 10.30.0.2/24 dev eth0; ip route add default via 10.30.0.1;"
        "ip addr add 10.31.0.2/24 dev net1; ip addr add fd31::2/64 dev net1 nodad;"
        "ip route add 10.98.0.0/16 dev net1; ip route add 10.99.0.0/16 via 10.31.0.1;"
        "ip route add fd99::/64 via fd31::1");
  }
  std::string run(const std::string& command) { return test::output_in(sandbox_, command); }
  /// The routes of one table, without its name.
  std::string table(const std::string& name) {
    std::string text;
    for (const std::string& line : test::read_in(sandbox_, &test::oracle::routes))
      if (line.starts_with(name + " ")) text += line.substr(name.size() + 1) + "\n";
    return text;
  }
  std::string rules() {
    return test::oracle::text_of(test::read_in(sandbox_, &test::oracle::rules));
  }
  /// Everything that sbr may change.
  std::string state() {
    std::string text = rules();
    for (const std::string& line : test::read_in(sandbox_, &test::oracle::routes))
      // The kernel adds its own as links come up.
      if (!line.starts_with("local ") && line.find("fe80") == std::string::npos)
        text += line + "\n";
    return text;
  }
  cni::Request request(cni::Verb verb, const std::string& keys = {}) {
    auto made = host_.request(
        verb, R"({"cniVersion":"1.1.0","name":"net1","type":"sbr")" + keys + "}", sandbox_);
    made.ifname = "net1";
    made.prev_result = previous_;
    return made;
  }
  std::string check_failure(const std::string& keys = {}) {
    try {
      verify(request(cni::Verb::check, keys));
    } catch (const std::exception& error) {
      return error.what();
    }
    return "passed";
  }

  test::TestHost host_;
  test::TestHost::Sandbox sandbox_ = host_.add_sandbox();
  cni::Result previous_{
      .interfaces = {{.name = "veth1", .mac = ""}, {.name = "net1", .mac = "", .sandbox = "/pod"}},
      .ips = {{.address = *base::Prefix::parse("10.31.0.2/24"),
               .gateway = base::IpAddress::parse("10.31.0.1"),
               .interface = 1},
              {.address = *base::Prefix::parse("fd31::2/64"),
               .gateway = base::IpAddress::parse("fd31::1"),
               .interface = 1}}};
};

TEST_F(SbrApply, EachAddressGetsATableWithItsFamilysRoutes) {
  EXPECT_EQ(add(request(cni::Verb::add)), previous_);  // S-223
  EXPECT_THAT(rules(),
              AllOf(HasSubstr("from 10.31.0.2 table 100"), HasSubstr("from fd31::2 table 101")));
  EXPECT_EQ(table("100"),
            "10.31.0.0/24 dev net1 src 10.31.0.2 proto 2 metric 0 scope link\n"
            "10.98.0.0/16 dev net1 proto 3 metric 0 scope link\n"
            "10.99.0.0/16 via 10.31.0.1 dev net1 proto 3 metric 0\n"
            "default via 10.31.0.1 dev net1 proto 3 metric 0\n");
  EXPECT_EQ(table("101"),
            "default via fd31::1 dev net1 proto 3 metric 1024\n"
            "fd31::/64 dev net1 proto 2 metric 256\n"
            "fd99::/64 via fd31::1 dev net1 proto 3 metric 1024\n"
            "fe80::/64 dev net1 proto 2 metric 256\n");
  EXPECT_THAT(table("main"), AllOf(HasSubstr("default via 10.30.0.1 dev eth0"),
                                   HasSubstr("10.30.0.0/24 dev eth0"), Not(HasSubstr("10.31")),
                                   Not(HasSubstr("fd31")), HasSubstr("fe80::/64 dev net1")));
  EXPECT_EQ(check_failure(), "passed");
}

TEST_F(SbrApply, ADefaultRouteOfTheInterfaceMovesToo) {
  run("ip route add default via 10.31.0.1 dev net1 metric 5; ip route add 10.5.0.0/16 via "
      "10.31.0.1");
  previous_.ips.pop_back();
  previous_.ips[0].gateway.reset();  // as of static
  add(request(cni::Verb::add));
  // The kernel accepts the second only behind the subnet: else the first would lead to its gateway.
  EXPECT_THAT(table("100"), AllOf(HasSubstr("default via 10.31.0.1 dev net1"),
                                  HasSubstr("10.5.0.0/16 via 10.31.0.1")));
  EXPECT_THAT(table("main"), AllOf(HasSubstr("fd31::/64"), Not(HasSubstr("10.31"))));
}

TEST_F(SbrApply, TablesThatRulesOrRoutesUseAreLeft) {
  run("ip rule add from 192.0.2.7 lookup 100; ip route add 192.0.2.0/24 dev eth0 table 101");
  add(request(cni::Verb::add));
  EXPECT_THAT(rules(),
              AllOf(HasSubstr("from 10.31.0.2 table 102"), HasSubstr("from fd31::2 table 103")));
}

TEST_F(SbrApply, AGivenTableGetsRulesOnly) {
  run("ip route add default via 10.31.0.1 dev net1 table 77");
  const std::string before = table("main");
  add(request(cni::Verb::add, R"(,"table":77)"));
  EXPECT_THAT(rules(),
              AllOf(HasSubstr("from 10.31.0.2 table 77"), HasSubstr("from fd31::2 table 77")));
  EXPECT_EQ(table("main"), before);
  EXPECT_EQ(check_failure(R"(,"table":77)"), "passed");
  EXPECT_NE(check_failure(R"(,"table":78)"), "passed");
  run("ip rule add from 10.31.0.2 lookup 200");
  remove(request(cni::Verb::del, R"(,"table":77)"));
  EXPECT_THAT(rules(), AllOf(HasSubstr("from 10.31.0.2 table 200"), Not(HasSubstr("table 77"))));
  EXPECT_THAT(table("77"), HasSubstr("default via 10.31.0.1"));
}

TEST_F(SbrApply, GatewaysOfTheConfigurationReplaceThoseOfTheResult) {
  add(request(cni::Verb::add, R"(,"gateways":["10.31.0.9"])"));
  EXPECT_THAT(table("100"), HasSubstr("default via 10.31.0.9"));
  EXPECT_THAT(table("101"), HasSubstr("default via fd31::1"));
}

TEST_F(SbrApply, SourceHintsKeepTheSubnetsInTheMainTable) {
  const std::string before = state();
  add(request(cni::Verb::add, R"(,"addSourceHints":true)"));
  EXPECT_THAT(table("main"),
              AllOf(HasSubstr("10.31.0.0/24 dev net1 src 10.31.0.2 proto 2"),
                    HasSubstr("fd31::/64 dev net1 proto 2"), HasSubstr("10.98.0.0/16 dev net1"),
                    Not(HasSubstr("10.99")), Not(HasSubstr("fd99"))));
  EXPECT_THAT(table("100"), HasSubstr("default via 10.31.0.1"));
  remove(request(cni::Verb::del, R"(,"addSourceHints":true)"));
  EXPECT_EQ(state(), before);
}

TEST_F(SbrApply, ARouteOfTheSubnetWithoutASourceGetsOne) {
  run("ip route del 10.31.0.0/24; ip route add 10.31.0.0/24 dev net1; ip route add 10.99.0.0/16 "
      "via 10.31.0.1");
  const std::string before = state();
  EXPECT_THROW(add(request(cni::Verb::add, R"(,"addSourceHints":true,"gateways":["192.0.2.9"])")),
               std::system_error);
  EXPECT_EQ(state(), before);
  add(request(cni::Verb::add, R"(,"addSourceHints":true)"));
  EXPECT_THAT(table("main"), AllOf(HasSubstr("10.31.0.0/24 dev net1 src 10.31.0.2 proto 3"),
                                   Not(HasSubstr("10.31.0.0/24 dev net1 proto"))));
}

TEST_F(SbrApply, P1_DelLeavesTheRuleOfAnAddressThatAnotherInterfaceHas) {
  add(request(cni::Verb::add, R"(,"table":77)"));
  run("ip addr add 10.31.0.2/24 dev eth0");
  remove(request(cni::Verb::del, R"(,"table":77)"));
  EXPECT_THAT(rules(), AllOf(HasSubstr("from 10.31.0.2"), Not(HasSubstr("from fd31::2"))));
}

TEST_F(SbrApply, S152_AFailureLeavesEverythingAsItWas) {
  const std::string before = state();
  // No link leads to the gateway, so that the kernel refuses its route.
  for (const char* keys :
       {R"(,"gateways":["192.0.2.99"])", R"(,"gateways":["fdaa::1"],"addSourceHints":true)"}) {
    EXPECT_THROW(add(request(cni::Verb::add, keys)), std::system_error) << keys;
    EXPECT_EQ(state(), before);
  }
}

TEST_F(SbrApply, S164_DelRestoresTheStateBeforeAddAndCanBeRepeated) {
  const std::string before = state();
  add(request(cni::Verb::add));
  for (int i = 0; i < 2; ++i) {
    auto del = request(cni::Verb::del);
    del.prev_result.reset();
    remove(del);
    EXPECT_EQ(state(), before);
  }
}

TEST_F(SbrApply, ASecondAddChangesNothing) {
  add(request(cni::Verb::add));
  const std::string before = state();
  add(request(cni::Verb::add));
  EXPECT_EQ(state(), before);
}

TEST_F(SbrApply, DelSucceedsWithoutInterfaceOrNamespaceOrConfiguration) {
  add(request(cni::Verb::add));
  remove(request(cni::Verb::del, R"(,"table":"x","gateways":1)"));
  EXPECT_THAT(rules(), Not(HasSubstr("10.31")));
  run("ip link del net1");
  EXPECT_NO_THROW(remove(request(cni::Verb::del)));
  auto gone = request(cni::Verb::del);
  gone.sandbox.reset();
  EXPECT_NO_THROW(remove(gone));
}

TEST_F(SbrApply, DefaultRoutesLeaveTheMainTableWhereverTheirGatewayIs) {
  run("ip -4 addr flush dev net1; ip addr add 10.1.1.2/32 dev net1; ip route add 169.254.1.1 dev "
      "net1; ip route add default via 169.254.1.1 dev net1 metric 5; ip route add default via "
      "fe80::1 dev net1; ip route add fd77::/64 via fe80::1 dev net1");
  previous_.ips[0].address = *base::Prefix::parse("10.1.1.2/32");
  previous_.ips[0].gateway = base::IpAddress::parse("169.254.1.1");
  add(request(cni::Verb::add));
  EXPECT_THAT(table("100"), HasSubstr("default via 169.254.1.1 dev net1"));
  EXPECT_THAT(table("101"), AllOf(HasSubstr("default via fd31::1"), HasSubstr("fd77::/64 via")));
  EXPECT_THAT(table("main"), AllOf(HasSubstr("default via 10.30.0.1 dev eth0"),
                                   Not(HasSubstr("169.254")), Not(HasSubstr("via fe80"))));
  EXPECT_EQ(check_failure(), "passed");
}

TEST_F(SbrApply, RulesWithFurtherConditionsAreForeign) {
  run("ip rule add from 10.31.0.2 fwmark 1 lookup 150; ip rule add from 10.31.0.2 tos 0x10 lookup "
      "151; ip rule add not from 10.31.0.2 lookup 152; ip -6 rule add from fd31::2 iif eth0 lookup "
      "153; ip rule add from 10.31.0.2 to 10.9.0.0/16 lookup 154; ip rule add from 10.31.0.2 "
      "lookup 155 suppress_prefixlength 0");
  const std::string before = state();
  EXPECT_EQ(check_failure(), "rule from 10.31.0.2/32 to a table of its own is missing");
  add(request(cni::Verb::add));
  EXPECT_THAT(rules(),
              AllOf(HasSubstr("from 10.31.0.2 table 100"), HasSubstr("from fd31::2 table 101")));
  EXPECT_EQ(check_failure(), "passed");
  remove(request(cni::Verb::del));
  EXPECT_EQ(state(), before);
}

TEST_F(SbrApply, ARuleWithAFurtherConditionIsNotTheOneOfAGivenTable) {
  run("ip rule add from 10.31.0.2 fwmark 1 lookup 77");
  const std::string before = state();
  add(request(cni::Verb::add, R"(,"table":77)"));
  EXPECT_THAT(rules(), HasSubstr("from 10.31.0.2 table 77"));
  remove(request(cni::Verb::del, R"(,"table":77)"));
  EXPECT_EQ(state(), before);
}

TEST_F(SbrApply, DelGivesRoutesBackWhoseSourceIsGone) {
  run("ip addr add 10.32.0.7/24 dev net1");
  add(request(cni::Verb::add));
  run("ip addr del 10.31.0.2/24 dev net1");
  remove(request(cni::Verb::del));
  EXPECT_THAT(rules(), AllOf(Not(HasSubstr("10.31")), Not(HasSubstr("fd31"))));
  EXPECT_EQ(table("100") + table("101"), "");
  EXPECT_THAT(table("main"), AllOf(HasSubstr("10.98.0.0/16 dev net1"),
                                   HasSubstr("10.99.0.0/16 via 10.31.0.1 dev net1")));
}

TEST_F(SbrApply, DelRemovesTheRulesWhenTheMainTableRefusesARoute) {
  add(request(cni::Verb::add));
  run("ip route del 10.31.0.0/24 table 100");  // the gateway's
  EXPECT_THROW(remove(request(cni::Verb::del)), std::system_error);
  EXPECT_THAT(rules(), AllOf(Not(HasSubstr("10.31")), Not(HasSubstr("fd31"))));
  EXPECT_EQ(table("100") + table("101"), "");
  EXPECT_THAT(table("main"), HasSubstr("fd99::/64 via fd31::1"));
  EXPECT_NO_THROW(remove(request(cni::Verb::del)));
}

TEST_F(SbrApply, DelRemovesTheRulesOfALinkThatIsGone) {
  add(request(cni::Verb::add));
  run("ip link del net1; ip addr add fd31::2/64 dev eth0 nodad");
  remove(request(cni::Verb::del));
  EXPECT_THAT(rules(), AllOf(Not(HasSubstr("10.31")), HasSubstr("from fd31::2")));
}

TEST_F(SbrApply, CheckNoticesAMissingRuleAndRoute) {
  add(request(cni::Verb::add));
  run("ip route del default table 100");
  EXPECT_EQ(check_failure(), "default route by 10.31.0.1 is missing in the table of 10.31.0.2/32");
  run("ip route add default via 10.31.0.1 table 100; ip -6 rule del from fd31::2");
  EXPECT_EQ(check_failure(), "rule from fd31::2/128 to a table of its own is missing");
  run("ip -6 rule add from fd31::2 lookup 101; ip route add 192.0.2.0/24 dev net1");
  EXPECT_EQ(check_failure(), "passed");
}

TEST_F(SbrApply, RefusesAnAddWithoutResultOrAddresses) {
  const auto refusal = [&] {
    try {
      auto made = request(cni::Verb::add);
      if (previous_.interfaces.empty()) made.prev_result.reset();
      add(made);
    } catch (const cni::Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  previous_.ips[0].interface = previous_.ips[1].interface = 0;
  EXPECT_EQ(refusal(), "No IP addresses supplied on interface: net1");
  previous_.interfaces.clear();
  EXPECT_EQ(refusal(), "This plugin must be called as chained plugin");
}

// A process of the pod needs no capability for it, and the list's other plugins have to run.
TEST_F(SbrApply, DelGoesOnWhenThePodKeepsTheLock) {
  add(request(cni::Verb::add));
  const base::UniqueFd pods(::open(sandbox_.path.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::flock(pods.get(), LOCK_EX | LOCK_NB), 0);
  EXPECT_NO_THROW(remove(request(cni::Verb::del)));
  EXPECT_THAT(rules(), Not(HasSubstr("10.31")));
}

}  // namespace
}  // namespace sbr
