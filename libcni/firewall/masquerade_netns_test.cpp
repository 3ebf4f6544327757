// SPDX-License-Identifier: Apache-2.0
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/firewall/masquerade.h"
#include "tests/support/host/packet_world.h"

namespace firewall {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ThrowsMessage;

const Owner kOwner{"tnet", "cid1", "eth0"};
const Owner kOther{"tnet", "cid2", "eth0"};

std::vector<base::Prefix> addresses(std::initializer_list<const char*> texts) {
  std::vector<base::Prefix> prefixes;
  for (const char* text : texts) prefixes.push_back(*base::Prefix::parse(text));
  return prefixes;
}

std::string rules() {
  return test::output_of("nft list ruleset");
}
std::string nat(const char* tool) {
  return test::output_of(std::string(tool) + "-save -t nat | grep -v '^#'");
}

constexpr const char* kGolden = R"(table inet cni_plugins_masquerade {
	comment "Masquerading for plugins from github.com/containernetworking/plugins"
	set sources_ipv4_24 {
		type ipv4_addr . ipv4_addr
		elements = { 10.22.0.5 . 10.22.0.0 comment "4dfa0667e74383ec-0b65a318f52e521b, net: tnet, if: eth0, id: cid1" }
	}

	set sources_ipv6_64 {
		type ipv6_addr . ipv6_addr
		elements = { fd00:22::5 . fd00:22:: comment "4dfa0667e74383ec-0b65a318f52e521b, net: tnet, if: eth0, id: cid1" }
	}

	chain masq_checks {
		comment "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet"
		ip saddr . ip saddr & 255.255.255.0 @sources_ipv4_24 ip saddr . ip daddr & 255.255.255.0 != @sources_ipv4_24 masquerade comment "sources_ipv4_24"
		ip6 saddr . ip6 saddr & ffff:ffff:ffff:ffff:: @sources_ipv6_64 ip6 saddr . ip6 daddr & ffff:ffff:ffff:ffff:: != @sources_ipv6_64 masquerade comment "sources_ipv6_64"
	}

	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		ip daddr 224.0.0.0/4 return
		ip6 daddr ff00::/8 return
		goto masq_checks
	}
}
)";

constexpr MasqueradeBackend kBackends[] = {MasqueradeBackend::nftables,
                                           MasqueradeBackend::iptables};

/// Matches a CHECK that finds no masquerade.
auto fails_check() {
  return ThrowsMessage<std::runtime_error>(HasSubstr(" are not masqueraded: neither by nf_tables"));
}

class Masquerade : public ::testing::Test {
 protected:
  test::TestHost host_;
  const std::vector<base::Prefix> both_ = addresses({"10.22.0.5/24", "fd00:22::5/64"});
};

TEST_F(Masquerade, RulesAreTheReferencesWithSets) {
  add_masquerade(kOwner, both_);
  EXPECT_EQ(rules(), kGolden);
  EXPECT_NO_THROW(check_masquerade(kOwner, both_));
}

TEST_F(Masquerade, ASecondAddChangesNothing) {
  for (int i = 0; i < 3; ++i) add_masquerade(kOwner, both_);
  EXPECT_EQ(rules(), kGolden);
}

TEST_F(Masquerade, AnotherPodAddsElementsOnly) {
  add_masquerade(kOwner, both_);
  const std::string before =
      test::output_of("nft list chain inet cni_plugins_masquerade masq_checks");
  for (int i = 10; i < 200; ++i)
    add_masquerade({"tnet", "c" + std::to_string(i), "eth0"},
                   addresses({("10.22.0." + std::to_string(i) + "/24").c_str()}));
  EXPECT_EQ(test::output_of("nft list chain inet cni_plugins_masquerade masq_checks"), before);
}

TEST_F(Masquerade, AFlushedSkeletonIsRepaired) {
  add_masquerade(kOwner, both_);
  for (const char* chain : {"masq_checks", "postrouting"}) {
    test::output_of(std::string("nft flush chain inet cni_plugins_masquerade ") + chain);
    EXPECT_THAT([&] { check_masquerade(kOwner, both_); }, fails_check());
    add_masquerade(kOwner, both_);
    EXPECT_EQ(rules(), kGolden);
  }
}

TEST_F(Masquerade, ParallelFirstAddsBuildOneSkeleton) {
  std::vector<pid_t> children;
  for (int i = 0; i < 16; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      add_masquerade({"tnet", "c" + std::to_string(i), "eth0"},
                     addresses({("10.22.0." + std::to_string(i + 20) + "/24").c_str(),
                                ("fd00:22::" + std::to_string(i + 20) + "/64").c_str()}));
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  add_masquerade(kOwner, both_);
  for (int i = 0; i < 16; ++i) remove_masquerade({"tnet", "c" + std::to_string(i), "eth0"});
  EXPECT_EQ(rules(), kGolden);
}

// P4: the same subnet on two bridges, or one static address for two pods.
TEST_F(Masquerade, PodsOfOneAddressEachKeepTheirOwnRules) {
  const Owner elsewhere{"onet", "cid1", "eth0"};
  for (const MasqueradeBackend backend : kBackends)
    for (const Owner& other : {kOther, elsewhere})
      for (const bool first_goes : {true, false}) {
        add_masquerade(kOwner, both_, backend);
        for (int i = 0; i < 2; ++i) add_masquerade(other, both_, backend);
        EXPECT_NO_THROW(check_masquerade(kOwner, both_));
        EXPECT_NO_THROW(check_masquerade(other, both_));
        EXPECT_TRUE(remove_masquerade(first_goes ? kOwner : other, both_));
        EXPECT_NO_THROW(check_masquerade(first_goes ? other : kOwner, both_));
        EXPECT_TRUE(remove_masquerade(first_goes ? other : kOwner, both_));
        EXPECT_THAT([&] { check_masquerade(kOwner, both_); }, fails_check());
        EXPECT_THAT(rules(), Not(HasSubstr("10.22.0.5")));
      }
}

// P4: CHECK tests the effect, not the owner.
TEST_F(Masquerade, CheckPassesWhenAnotherOwnerMasqueradesTheAddress) {
  add_masquerade(kOther, both_);
  EXPECT_NO_THROW(check_masquerade(kOwner, both_));
  EXPECT_THAT([&] { check_masquerade(kOwner, addresses({"10.22.0.5/25"})); }, fails_check());
  EXPECT_THAT([&] { check_masquerade(kOwner, addresses({"10.22.0.6/24"})); }, fails_check());
}

TEST_F(Masquerade, RemovalFindsRulesByOwnerAlone) {
  for (const auto& known : {both_, addresses({}), addresses({"10.9.0.1/8"})}) {
    add_masquerade(kOwner, both_);
    EXPECT_TRUE(remove_masquerade(kOwner, known));
    EXPECT_THAT(rules(), Not(HasSubstr("cid1")));
    EXPECT_FALSE(remove_masquerade(kOwner, known));
  }
}

TEST_F(Masquerade, ANewerReferencesRuleIsKnownAndRemoved) {
  add_masquerade(kOther, addresses({"10.22.0.9/24"}));
  test::output_of(
      "nft add rule inet cni_plugins_masquerade masq_checks ip saddr == 10.22.0.5 ip daddr != "
      "10.22.0.0/24 masquerade comment "
      "'\"4dfa0667e74383ec-0b65a318f52e521b, net: tnet, if: eth0, id: cid1\"'");
  EXPECT_NO_THROW(check_masquerade(kOwner, addresses({"10.22.0.5/24"})));
  EXPECT_TRUE(remove_masquerade(kOwner));
  EXPECT_THAT(rules(), Not(HasSubstr("cid1")));
  EXPECT_THAT(rules(), HasSubstr("cid2"));
}

/// The rules that the reference's nftables backend writes for a pod.
std::string reference_rules(const std::string& family, const std::string& address,
                            const std::string& network) {
  const std::string table = "inet cni_plugins_masquerade";
  return "nft -f - <<'END'\nadd table " + table + "\nadd chain " + table +
         " masq_checks\nadd chain " + table +
         " postrouting { type nat hook postrouting priority 100; }\nflush chain " + table +
         " postrouting\nadd rule " + table +
         " postrouting ip daddr == 224.0.0.0/4 return\nadd rule " + table +
         " postrouting ip6 daddr == ff00::/8 return\nadd rule " + table +
         " postrouting goto masq_checks\nadd rule " + table + " masq_checks " + family +
         " saddr == " + address + " " + family + " daddr != " + network +
         " masquerade comment \"4dfa0667e74383ec-0b65a318f52e521b, net: tnet, if: eth0, id: "
         "cid1\"\n"
         "END\n";
}

// R1
TEST_F(Masquerade, CheckKnowsTheReferencesRulesOfEitherFamily) {
  ASSERT_EQ(test::output_of(reference_rules("ip6", "fd00:22::5", "fd00:22::/64")), "");
  EXPECT_NO_THROW(check_masquerade(kOwner, addresses({"fd00:22::5/64"})));
  EXPECT_THAT([&] { check_masquerade(kOwner, addresses({"fd00:22::6/64"})); }, fails_check());
  EXPECT_THAT([&] { check_masquerade(kOwner, both_); }, fails_check());
  ASSERT_EQ(test::output_of(reference_rules("ip", "10.22.0.5", "10.22.0.0/24")), "");
  EXPECT_NO_THROW(check_masquerade(kOwner, both_));
  add_masquerade(kOther, addresses({"10.22.0.9/24", "fd00:22::9/64"}));
  EXPECT_TRUE(remove_masquerade(kOwner, both_));
  EXPECT_THAT(rules(), Not(HasSubstr("cid1")));
  EXPECT_NO_THROW(check_masquerade(kOther, addresses({"10.22.0.9/24", "fd00:22::9/64"})));
}

// S13
TEST_F(Masquerade, RulesMadeAfterGcBeganStay) {
  for (const MasqueradeBackend backend : kBackends) {
    add_masquerade(kOwner, both_, backend);
    const auto remove_stale = find_stale_masquerade("tnet", {});
    add_masquerade(kOther, addresses({"10.22.0.6/24"}), backend);
    remove_stale();
    EXPECT_NO_THROW(check_masquerade(kOther, addresses({"10.22.0.6/24"})));
    EXPECT_THAT([&] { check_masquerade(kOwner, both_); }, fails_check());
    remove_masquerade(kOther);
  }
}

// S17
TEST_F(Masquerade, AddFailsWhenIptablesOnlyClaimsSuccess) {
  const test::TempDir tools;
  const std::string path = ::getenv("PATH");
  test::output_of("printf '#!/bin/sh\nexit 0\n' >" + (tools / "iptables-restore") + "; chmod +x " +
                  (tools / "iptables-restore"));
  ::setenv("PATH", (tools.path() + ":" + path).c_str(), 1);
  try {
    add_masquerade(kOwner, both_, MasqueradeBackend::iptables);
    ADD_FAILURE() << "no failure";
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("iptables-restore reported success, but chain"));
  }
  ::setenv("PATH", path.c_str(), 1);
}

TEST_F(Masquerade, S194_GcKeepsValidAttachmentsAndOtherNetworks) {
  const Owner elsewhere{"onet", "cid1", "eth0"};
  for (const MasqueradeBackend backend : kBackends) {
    add_masquerade(kOwner, addresses({"10.22.0.5/24"}), backend);
    add_masquerade(kOther, addresses({"10.22.0.6/24"}), backend);
    add_masquerade(elsewhere, addresses({"10.33.0.6/24"}), backend);
  }
  find_stale_masquerade("tnet", {&kOther, 1})();
  const std::string all = rules();
  EXPECT_THAT(all, Not(HasSubstr("net: tnet, if: eth0, id: cid1")));
  EXPECT_THAT(all, HasSubstr("net: tnet, if: eth0, id: cid2"));
  EXPECT_THAT(all, HasSubstr("net: onet, if: eth0, id: cid1"));
  const std::string iptables = nat("iptables");
  EXPECT_THAT(iptables, Not(HasSubstr(R"(name: \"tnet\" id: \"cid1\")")));
  EXPECT_THAT(iptables, HasSubstr(R"(name: \"tnet\" id: \"cid2\")"));
  EXPECT_THAT(iptables, HasSubstr(R"(name: \"onet\" id: \"cid1\")"));
}

TEST_F(Masquerade, IptablesRulesAreTheReferences) {
  for (int i = 0; i < 2; ++i) add_masquerade(kOwner, both_, MasqueradeBackend::iptables);
  EXPECT_EQ(nat("iptables"), R"(*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:CNI-f67e00a966f2d1b8b0671e5b - [0:0]
-A POSTROUTING -s 10.22.0.5/32 -m comment --comment "name: \"tnet\" id: \"cid1\"" -j CNI-f67e00a966f2d1b8b0671e5b
-A CNI-f67e00a966f2d1b8b0671e5b -d 10.22.0.0/24 -m comment --comment "name: \"tnet\" id: \"cid1\"" -j ACCEPT
-A CNI-f67e00a966f2d1b8b0671e5b ! -d 224.0.0.0/4 -m comment --comment "name: \"tnet\" id: \"cid1\"" -j MASQUERADE
COMMIT
)");
  EXPECT_THAT(nat("ip6tables"), HasSubstr("! -d ff00::/8 "));
  EXPECT_NO_THROW(check_masquerade(kOwner, both_));
}

TEST_F(Masquerade, IptablesStateOfEitherVariantAndFormIsRemoved) {
  for (const std::string tool : {"iptables", "iptables-legacy"})
    for (const std::string source : {"10.22.0.5/32", "10.22.0.0/24"}) {  // the second: before 0.8
      test::output_of(tool + " -t nat -N CNI-f67e00a966f2d1b8b0671e5b");
      const std::string comment = R"( -m comment --comment 'name: "tnet" id: "cid1"')";
      test::output_of(tool + " -t nat -A CNI-f67e00a966f2d1b8b0671e5b -d 10.22.0.0/24 -j ACCEPT" +
                      comment);
      test::output_of(tool + " -t nat -A POSTROUTING -s " + source +
                      " -j CNI-f67e00a966f2d1b8b0671e5b" + comment);
      ASSERT_THAT(nat(tool.c_str()), HasSubstr("CNI-f67e"));
      EXPECT_TRUE(remove_masquerade(kOwner, addresses({"10.22.0.5/24"})));
      EXPECT_THAT(nat(tool.c_str()), Not(HasSubstr("CNI-"))) << tool << " " << source;
    }
}

TEST_F(Masquerade, AContainersSecondInterfaceKeepsTheSharedChain) {
  const Owner second{"tnet", "cid1", "eth1"};
  add_masquerade(kOwner, addresses({"10.22.0.5/24"}), MasqueradeBackend::iptables);
  add_masquerade(second, addresses({"10.23.0.5/24"}), MasqueradeBackend::iptables);
  EXPECT_TRUE(remove_masquerade(kOwner, addresses({"10.22.0.5/24"})));
  EXPECT_NO_THROW(check_masquerade(second, addresses({"10.23.0.5/24"})));
  EXPECT_TRUE(remove_masquerade(second, addresses({"10.23.0.5/24"})));
  EXPECT_THAT(nat("iptables"), Not(HasSubstr("CNI-")));
}

TEST_F(Masquerade, WithoutTheToolsTheIptablesBackendSaysSo) {
  const std::string path = ::getenv("PATH");
  ::setenv("PATH", "/nowhere", 1);
  try {
    add_masquerade(kOwner, both_, MasqueradeBackend::iptables);
    FAIL() << "no failure";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), ENOENT);
    EXPECT_THAT(error.what(), HasSubstr("iptables-restore"));
  }
  EXPECT_FALSE(remove_masquerade(kOwner, both_));
  ::setenv("PATH", path.c_str(), 1);
}

TEST(MasqueradeBackendName, KnowsTwoBackends) {
  EXPECT_EQ(find_masquerade_backend(""), MasqueradeBackend::nftables);
  EXPECT_EQ(find_masquerade_backend("nftables"), MasqueradeBackend::nftables);
  EXPECT_EQ(find_masquerade_backend("iptables"), MasqueradeBackend::iptables);
  EXPECT_EQ(find_masquerade_backend("ipfw"), std::nullopt);
}

class MasqueradePackets : public ::testing::TestWithParam<MasqueradeBackend> {
 protected:
  test::PacketWorld world_;
};

TEST_P(MasqueradePackets, MasqueradesOnlyPacketsThatLeaveTheSubnet) {
  using W = test::PacketWorld;
  EXPECT_EQ(world_.tcp(world_.outside, 80, &world_.pod, {W::kOutside, 80}), "nothing");
  add_masquerade(kOwner, addresses({"10.22.0.5/24", "fd00:22::5/64"}), GetParam());
  EXPECT_EQ(world_.tcp(world_.outside, 80, &world_.pod, {W::kOutside, 80}), W::kHost);
  EXPECT_EQ(world_.udp(world_.outside, 53, &world_.pod, {W::kOutside6, 53}), W::kHost6);
  EXPECT_EQ(world_.tcp(world_.neighbour, 80, &world_.pod, {W::kNeighbour, 80}), W::kPod);
  EXPECT_EQ(world_.udp(world_.neighbour, 53, &world_.pod, {W::kNeighbour6, 53}), W::kPod6);
  EXPECT_EQ(world_.udp(world_.outside, 53, &world_.neighbour, {W::kOutside, 53}), W::kNeighbour);
  EXPECT_TRUE(remove_masquerade(kOwner));
  EXPECT_EQ(world_.udp(world_.outside, 53, &world_.pod, {W::kOutside, 53}), W::kPod);
}

TEST_P(MasqueradePackets, MarksOfKubeProxyPassUntouched) {
  using W = test::PacketWorld;
  test::output_of(
      "nft 'add table ip k; add chain ip k pre { type filter hook prerouting priority -150; }; "
      "add rule ip k pre meta mark set 0xc000; "
      "add chain ip k post { type filter hook postrouting priority 300; }; "
      "add rule ip k post oifname uplink meta mark != 0xc000 drop'");
  add_masquerade(kOwner, addresses({"10.22.0.5/24"}), GetParam());
  EXPECT_EQ(world_.udp(world_.outside, 53, &world_.pod, {W::kOutside, 53}), W::kHost);
}

INSTANTIATE_TEST_SUITE_P(Backends, MasqueradePackets,
                         ::testing::Values(MasqueradeBackend::nftables,
                                           MasqueradeBackend::iptables));

}  // namespace
}  // namespace firewall
