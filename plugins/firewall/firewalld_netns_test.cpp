// SPDX-License-Identifier: Apache-2.0
// Calls that the message bus or firewalld refuse.
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/host/fake_bus.h"
#include "tests/support/host/firewall_pods.h"

namespace firewall_plugin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FirewallBus : public Firewall {
 protected:
  std::string failure_of_add(const std::string& more = "") {
    try {
      add(request(cni::Verb::add, kPod, more));
    } catch (const std::exception& error) {
      return error.what();
    }
    return "no failure";
  }
  static std::string owners() {
    return test::output_of("nft list table inet cni_plugins_firewall 2>&1");
  }
  FakeBus bus_;
};

TEST_F(FirewallBus, AutomaticBackendWritesIptablesWhereFirewalldIsAbsent) {
  bus_.has_firewalld = false;
  add_pod(kPod);
  EXPECT_THAT(filter(), HasSubstr("CNI-FORWARD"));
}

TEST_F(FirewallBus, AutomaticBackendFailsWhenTheBusDoesNotSayWhetherFirewalldRuns) {
  bus_.refusals = {{"NameHasOwner", "limit exceeded"}};
  EXPECT_THAT(failure_of_add(), HasSubstr("limit exceeded"));
  EXPECT_THAT(filter(), Not(HasSubstr("CNI-FORWARD")));
}

// As a user namespace that sees the host's bus.
TEST_F(FirewallBus, AutomaticBackendWritesIptablesWhereTheBusRefusesTheLogin) {
  bus_.login = "REJECTED EXTERNAL";
  add_pod(kPod);
  EXPECT_THAT(filter(), HasSubstr("CNI-FORWARD"));
}

TEST_F(FirewallBus, BackendFirewalldFailsWhenTheBusRefusesTheLogin) {
  bus_.login = "REJECTED \x1b[31m" + std::string(200, 'x');
  const std::string failure = failure_of_add(R"("backend":"firewalld",)");
  EXPECT_THAT(failure, HasSubstr("log in to the system's message bus"));
  EXPECT_THAT(failure, Not(HasSubstr("\x1b")));
  EXPECT_THAT(failure, Not(HasSubstr(std::string(100, 'x'))));
  EXPECT_THAT(filter(), Not(HasSubstr("CNI-FORWARD")));
}

TEST_F(FirewallBus, ErrorsQuoteTheBeginningOfFirewalldsAnswer) {
  bus_.refusals = {{"addSource", "INVALID_ZONE\n" + std::string(200, 'x')}};
  const std::string failure = failure_of_add();
  EXPECT_THAT(failure, HasSubstr(R"(: "INVALID_ZONE\nxxx)"));
  EXPECT_THAT(failure, Not(HasSubstr(std::string(100, 'x'))));
  EXPECT_THAT(owners(), Not(HasSubstr(W::kPod)));
}

TEST_F(FirewallBus, DelKeepsTheOwnerUntilFirewalldRemovesTheSource) {
  add_pod(kPod);
  bus_.refusals = {{"removeSource", "busy"}};
  EXPECT_ANY_THROW(remove_pod_without_result(kPod));
  EXPECT_THAT(owners(), HasSubstr(W::kPod));
  EXPECT_ANY_THROW(remove_pod_without_result(kPod));
  bus_.refusals.clear();
  remove_pod_without_result(kPod);
  EXPECT_THAT(owners(), Not(HasSubstr(W::kPod)));
}

TEST_F(FirewallBus, GcKeepsTheOwnerUntilFirewalldRemovesTheSource) {
  add_pod(kPod);
  bus_.refusals = {{"removeSource", "busy"}};
  EXPECT_ANY_THROW(collect({}));
  EXPECT_THAT(owners(), HasSubstr(W::kPod));
  bus_.refusals.clear();
  collect({});
  EXPECT_THAT(owners(), Not(HasSubstr(W::kPod)));
}

}  // namespace
}  // namespace firewall_plugin
