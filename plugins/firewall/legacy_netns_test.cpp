// SPDX-License-Identifier: Apache-2.0
// Hosts whose iptables is the legacy variant.
#include <unistd.h>

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/host/firewall_pods.h"

namespace firewall_plugin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FirewallLegacy : public Firewall {
 protected:
  FirewallLegacy() {
    for (const std::string tool : {"iptables", "ip6tables"})
      for (const std::string action : {"", "-save", "-restore"}) {
        const std::string link = tools_ / (tool + action);
        EXPECT_EQ(::symlink("/usr/sbin/xtables-legacy-multi", link.c_str()), 0);
      }
    ::setenv("PATH", (tools_.path() + ":/usr/sbin:/usr/bin:/sbin:/bin").c_str(), 1);
  }
  test::TempDir tools_;
};

TEST_F(FirewallLegacy, RulesAreTheReferences) {
  test::output_of("iptables -P FORWARD DROP; ip6tables -P FORWARD DROP");
  EXPECT_EQ(reaches_outside(W::kOutside), "nothing");
  add_pod(kPod, kIptables);
  EXPECT_THAT(filter("-legacy"), HasSubstr(R"(:CNI-ADMIN -
:CNI-FORWARD -
-A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
-A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN
-A CNI-FORWARD -d 10.22.0.5/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A CNI-FORWARD -s 10.22.0.5/32 -j ACCEPT
COMMIT
)"));
  EXPECT_EQ(test::output_of("nft list tables"), "");
  EXPECT_EQ(reaches_outside(W::kOutside), W::kPod);
  EXPECT_EQ(reaches_outside(W::kOutside6), W::kPod6);
  check_pod(kPod, kIptables);
  const std::string before = filter("-legacy");
  add_pod(kPod, kIptables);
  EXPECT_EQ(filter("-legacy"), before);
  remove_pod(kPod, kIptables);
  EXPECT_THAT(filter("-legacy"), Not(HasSubstr("10.22.0.5")));
  EXPECT_ANY_THROW(check_pod(kPod, kIptables));
}

TEST_F(FirewallLegacy, IsolationIsTheReferences) {
  add_pod(kPod, R"("ingressPolicy":"isolated",)");
  const std::string before = filter("-legacy");
  EXPECT_THAT(before, HasSubstr(R"(-A CNI-ISOLATION-STAGE-1 -i br0 ! -o br0 -m comment)"));
  add_pod(kPod, R"("ingressPolicy":"isolated",)");
  EXPECT_EQ(filter("-legacy"), before);
  check_pod(kPod, R"("ingressPolicy":"isolated",)");
  add_pod(kPod, R"("ingressPolicy":"same-bridge",)");
  EXPECT_THAT(filter("-legacy"), Not(HasSubstr("-i br0 -o br0")));
}

TEST_F(FirewallLegacy, AnotherVariantsRulesAreCheckedAndRemovedAfterASwitch) {
  add_pod(kPod, kIptables);
  ::setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
  check_pod(kPod, kIptables);
  remove_pod(kPod, kIptables);
  EXPECT_THAT(filter("-legacy"), Not(HasSubstr("10.22.0.5")));
}

TEST_F(FirewallLegacy, DelRemovesLegacyIpv4RulesWhereIpv6IsInNfTables) {
  const std::string tool = tools_ / "ip6tables-restore";
  ::unlink(tool.c_str());
  EXPECT_EQ(::symlink("/usr/sbin/xtables-nft-multi", tool.c_str()), 0);
  add_pod(kPod, kIptables);
  EXPECT_THAT(test::output_of("iptables-legacy-save -t filter"), HasSubstr(W::kPod));
  EXPECT_THAT(test::output_of("nft list ruleset"), HasSubstr(W::kPod6));
  remove_pod(kPod, kIptables);
  EXPECT_THAT(test::output_of("iptables-legacy-save -t filter"), Not(HasSubstr(W::kPod)));
  EXPECT_THAT(test::output_of("nft list ruleset"), Not(HasSubstr(W::kPod6)));
}

TEST_F(FirewallLegacy, DelFailsWhenTheToolOnlyClaimsToHaveRemovedTheRules) {
  add_pod(kPod, kIptables);
  tools_.script("iptables-legacy-restore", "cat >/dev/null\n");
  EXPECT_THAT([&] { remove_pod(kPod, kIptables); },
              testing::ThrowsMessage<std::exception>(HasSubstr("they are still there")));
  ::unlink((tools_ / "iptables-legacy-restore").c_str());
  remove_pod(kPod, kIptables);
  EXPECT_THAT(filter("-legacy"), Not(HasSubstr(W::kPod)));
}

TEST_F(FirewallLegacy, StatusFailsWithoutTheTool) {
  test::output_of("iptables -P FORWARD DROP");
  ::setenv("PATH", "/nowhere", 1);
  EXPECT_THROW(report_status(request(cni::Verb::status, kPod, kIptables)), cni::Error);
}

}  // namespace
}  // namespace firewall_plugin
