// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/obstacles/forward_drops.h"
#include "libcni/fabric/apply.h"
#include "tests/support/host/test_host.h"
#include "tests/support/temp_dir.h"

namespace agent {
namespace {

using test::output_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kV4 = "10.22.0.0/16";
constexpr const char* kV6 = "fd00:22::/48";
constexpr std::chrono::milliseconds kAtOnce(0);

// P15: accepts of one's own do not overrule the drop of another base chain.
class ForwardDropsTest : public testing::Test {
 protected:
  ForwardDropsTest() {
    traffic_ = {.own_ranges = {*base::Prefix::parse("10.22.1.0/24")},
                .cluster_ranges = {*base::Prefix::parse(kV4), *base::Prefix::parse(kV6)}};
  }
  /// A chain `forward` with `rules` in table `theirs`.
  static void load(const std::string& family, const std::string& policy, const std::string& rules) {
    const bool has_chain = rules.find("chain") != rules.npos;
    const test::TempDir folder;
    const std::string path = folder.file(
        "rules", "add table " + family + " theirs\ndelete table " + family + " theirs\ntable " +
                     family + " theirs {\n" + (has_chain ? rules : "") +
                     "\nchain forward {\ntype filter hook forward priority 0; policy " + policy +
                     ";\n" + (has_chain ? "jump sub" : rules) + "\n}\n}\n");
    output_of("nft -f " + path);
  }
  std::vector<std::string> ranges() {
    std::vector<std::string> all;
    for (const auto& drop : fabric::find_forward_drops(nft_, traffic_))
      for (const base::Prefix& range : drop.ranges) all.push_back(range.text());
    return all;
  }

  test::TestHost host_;
  nft::Nft nft_;
  std::optional<fabric::Traffic> traffic_;
};

struct Case {
  const char* family;
  const char* policy;
  const char* rules;
  std::vector<std::string> dropped;
};

TEST_F(ForwardDropsTest, FindsRangesThatNoRuleAccepts) {
  const std::vector<Case> cases = {
      {"inet", "drop", "", {kV4, kV6}},
      {"ip", "drop", "", {kV4}},
      {"ip6", "drop", "", {kV6}},
      {"inet", "accept", "", {}},
      {"inet", "accept", "counter drop", {kV4, kV6}},
      {"inet", "accept", "ct state established accept\nreject", {kV4, kV6}},
      {"inet", "accept", "iifname \"eth9\" drop", {}},
      {"inet", "drop", "counter accept", {}},
      {"inet", "drop", "meta nfproto ipv4 accept", {kV6}},
      {"inet", "drop", "ip saddr 10.22.0.0/16 accept\nip daddr 10.22.0.0/16 accept", {kV6}},
      {"inet", "drop", "ip saddr 10.0.0.0/9 accept\nip daddr 10.20.0.0/14 counter accept", {kV6}},
      {"inet", "drop", "ip saddr 10.22.0.0/16 accept", {kV4, kV6}},
      {"inet", "drop", "ip saddr 10.22.0.0/17 accept\nip daddr 10.22.0.0/16 accept", {kV4, kV6}},
      {"inet", "drop", "ip saddr != 10.22.0.0/16 accept\nip daddr 10.22.0.0/16 accept", {kV4, kV6}},
      {"inet", "drop", "ip6 saddr fd00:22::/32 accept\nip6 daddr fd00:22::/48 accept", {kV4}},
      {"ip",
       "drop",
       "ip saddr 10.22.0.0/16 tcp dport 80 accept\nip daddr 10.22.0.0/16 accept",
       {kV4}},
      {"ip", "drop", "drop\nip saddr 10.22.0.0/16 accept\nip daddr 10.22.0.0/16 accept", {kV4}},
      {"ip",
       "drop",
       "chain sub {\nip saddr 10.22.0.0/16 accept\nip daddr 10.22.0.0/16 accept\n}",
       {}},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(std::string(each.family) + " " + each.policy + " " + each.rules);
    load(each.family, each.policy, each.rules);
    EXPECT_EQ(ranges(), each.dropped);
    output_of(std::string("nft delete table ") + each.family + " theirs");
  }
}

TEST_F(ForwardDropsTest, IptablesIsRightOnceItsRulesAreThere) {
  output_of("iptables-nft -P FORWARD DROP; ip6tables-nft -P FORWARD DROP");
  EXPECT_THAT(ranges(), ElementsAre(kV4, kV6));
  net::Netlink netlink;
  fabric::Desired desired;
  desired.traffic = traffic_;
  EXPECT_THAT(fabric::apply(netlink, desired).errors, IsEmpty());
  EXPECT_THAT(ranges(), IsEmpty());
  output_of("iptables-nft -I FORWARD -j DROP");
  EXPECT_THAT(ranges(), ElementsAre(kV4)) << "a rule before ours";
  output_of("iptables-nft -R FORWARD 1 -j REJECT");
  EXPECT_THAT(ranges(), ElementsAre(kV4));
}

TEST_F(ForwardDropsTest, NamesTheChainQuoted) {
  load("inet", "drop", "");
  ForwardDrops drops;
  drops.look(traffic_, kAtOnce);
  EXPECT_THAT(drops.texts(),
              ElementsAre(AllOf(HasSubstr("chain \"forward\" of nf_tables table inet \"theirs\""),
                                HasSubstr(kV4), HasSubstr("plumbd firewall"))));
  EXPECT_THAT(text_of({.table = {nft::Family::ipv4, "a\nb"}, .chain = "\x1b[2J"}),
              AllOf(HasSubstr("\"a\\nb\""), HasSubstr("\"\\u001b[2J\"")));
}

TEST_F(ForwardDropsTest, LooksAgainOnlyAfterAChangeAndNotTooOften) {
  ForwardDrops drops;
  drops.look(traffic_, kAtOnce);
  EXPECT_THAT(drops.texts(), IsEmpty());
  load("inet", "drop", "");
  drops.look(traffic_, std::chrono::hours(1));
  EXPECT_THAT(drops.texts(), IsEmpty());
  drops.look(traffic_, kAtOnce);
  EXPECT_THAT(drops.texts(), SizeIs(1));
  drops.look(std::nullopt, kAtOnce);
  EXPECT_THAT(drops.texts(), IsEmpty());
  EXPECT_EQ(drops.problem(), "");
}

}  // namespace
}  // namespace agent
