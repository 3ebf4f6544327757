// SPDX-License-Identifier: Apache-2.0
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/firewall/mac_spoof.h"
#include "tests/support/host/packet_world.h"

namespace firewall {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ThrowsMessage;
using W = test::PacketWorld;

const Owner kOwner{"tnet", "cid1", "eth0"};
const Owner kOther{"tnet", "cid2", "eth0"};
const base::Mac kMac = *base::Mac::parse("02:00:00:00:00:01");

std::string rules() {
  return test::output_of("nft list ruleset");
}

class MacSpoof : public ::testing::Test {
 protected:
  base::Mac pod_mac() const {
    const std::string text = test::text_in(world_.pod, &test::oracle::links);
    return *base::Mac::parse(text.substr(text.find(" mac ", text.find(": eth0 ")) + 5, 17));
  }
  test::PacketWorld world_;
};

TEST_F(MacSpoof, ObjectsAreTheReferences) {
  for (int i = 0; i < 2; ++i) add_mac_spoof_check(kOwner, "pod1", kMac);
  EXPECT_EQ(rules(), R"(table bridge nat {
	chain PREROUTING {
		type filter hook prerouting priority dstnat; policy accept;
		iifname "pod1" jump cni-br-iface-cid1-eth0 comment "macspoofchk-cid1-eth0"
	}

	chain cni-br-iface-cid1-eth0-mac {
		ether saddr 02:00:00:00:00:01 return comment "macspoofchk-cid1-eth0"
		drop comment "macspoofchk-cid1-eth0"
	}

	chain cni-br-iface-cid1-eth0 {
		comment "4dfa0667e74383ec-0b65a318f52e521b, net: tnet, if: eth0, id: cid1"
		jump cni-br-iface-cid1-eth0-mac comment "macspoofchk-cid1-eth0"
	}
}
)");
}

TEST_F(MacSpoof, FramesWithAnotherSourceAreDropped) {
  add_mac_spoof_check(kOwner, "pod1", pod_mac());
  EXPECT_EQ(world_.udp(world_.neighbour, 53, &world_.pod, {W::kNeighbour, 53}), W::kPod);
  add_mac_spoof_check(kOwner, "pod1", kMac);
  EXPECT_EQ(world_.udp(world_.neighbour, 53, &world_.pod, {W::kNeighbour, 53}), "nothing");
  EXPECT_TRUE(remove_mac_spoof_check(kOwner));
  EXPECT_EQ(world_.udp(world_.neighbour, 53, &world_.pod, {W::kNeighbour, 53}), W::kPod);
}

TEST_F(MacSpoof, CheckComparesLinkAndAddress) {
  add_mac_spoof_check(kOwner, "pod1", kMac);
  EXPECT_NO_THROW(check_mac_spoof_check(kOwner, "pod1", kMac));
  EXPECT_THAT(
      [&] { check_mac_spoof_check(kOwner, "pod2", kMac); },
      ThrowsMessage<std::runtime_error>("MAC spoof check: the jump for link \"pod2\" is missing "
                                        "from nf_tables table \"bridge nat\""));
  EXPECT_THAT([&] { check_mac_spoof_check(kOwner, "pod1", pod_mac()); },
              ThrowsMessage<std::runtime_error>(
                  HasSubstr("the rule for source address " + pod_mac().text())));
  test::output_of("nft flush chain bridge nat PREROUTING");
  EXPECT_THAT([&] { check_mac_spoof_check(kOwner, "pod1", kMac); },
              ThrowsMessage<std::runtime_error>(HasSubstr("the jump for link \"pod1\"")));
}

TEST_F(MacSpoof, RemovalLeavesTheSharedChainAndOthers) {
  add_mac_spoof_check(kOwner, "pod1", kMac);
  add_mac_spoof_check(kOther, "pod2", kMac);
  EXPECT_TRUE(remove_mac_spoof_check(kOwner));
  EXPECT_FALSE(remove_mac_spoof_check(kOwner));
  EXPECT_THAT(rules(), Not(HasSubstr("cid1")));
  EXPECT_NO_THROW(check_mac_spoof_check(kOther, "pod2", kMac));
}

TEST_F(MacSpoof, S194_GcRemovesOnlyRulesOfItsNetwork) {
  const Owner elsewhere{"onet", "cid3", "eth0"};
  add_mac_spoof_check(kOwner, "pod1", kMac);
  add_mac_spoof_check(kOther, "pod2", kMac);
  add_mac_spoof_check(elsewhere, "pod3", kMac);
  const auto remove_stale = find_stale_mac_spoof_checks("tnet", {&kOther, 1});
  const Owner late{"tnet", "cid4", "eth0"};
  add_mac_spoof_check(late, "pod4", kMac);  // S13
  remove_stale();
  EXPECT_NO_THROW(check_mac_spoof_check(late, "pod4", kMac));
  EXPECT_THAT(rules(), Not(HasSubstr("cid1")));
  EXPECT_NO_THROW(check_mac_spoof_check(kOther, "pod2", kMac));
  EXPECT_NO_THROW(check_mac_spoof_check(elsewhere, "pod3", kMac));
}

}  // namespace
}  // namespace firewall
