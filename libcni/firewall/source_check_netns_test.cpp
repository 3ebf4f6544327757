// SPDX-License-Identifier: Apache-2.0
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/firewall/attachment_rules.h"
#include "libcni/firewall/source_check.h"
#include "tests/support/host/packet_world.h"

namespace firewall {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ThrowsMessage;
using W = test::PacketWorld;

const Owner kOwner{"tnet", "cid1", "eth0"};
const Owner kOther{"tnet", "cid2", "eth0"};
const base::Mac kMac = *base::Mac::parse("02:00:00:00:00:01");

base::IpAddress address(const char* text) {
  return *base::IpAddress::parse(text);
}

PodLink routed(const char* name, const char* last = "5") {
  return {name,
          {address((std::string("10.22.0.") + last).c_str()),
           address((std::string("fd00:22::") + last).c_str())}};
}

PodLink bridged(const char* name) {
  PodLink link = routed(name);
  link.addresses.push_back(address("fe80::ff:fe00:1"));
  link.bridged = kMac;
  return link;
}

std::string rules() {
  return test::output_of("nft list ruleset");
}

void add(const Owner& owner, const PodLink& link) {
  add_attachment_rules(owner, {.source_check = link});
}

struct SourceCheck : ::testing::Test {
  test::TestHost host;
};

TEST_F(SourceCheck, NftShowsTheObjectsOfARoutedLink) {
  add(kOwner, routed("vethaaaaaaaa"));
  EXPECT_EQ(rules(), R"nft(table inet plumb_links {
	comment "Pods send only from their own addresses (spoofCheck)"
	set links {
		type ifname
		elements = { "vethaaaaaaaa" comment "4dfa0667e74383ec-0b65a318f52e521b, net: tnet, if: eth0, id: cid1" }
	}

	set ipv4 {
		type ifname . ipv4_addr
		elements = { "vethaaaaaaaa" . 10.22.0.5 comment "4dfa0667e74383ec-0b65a318f52e521b, net: tnet, if: eth0, id: cid1" }
	}

	set ipv6 {
		type ifname . ipv6_addr
		elements = { "vethaaaaaaaa" . fd00:22::5 comment "4dfa0667e74383ec-0b65a318f52e521b, net: tnet, if: eth0, id: cid1" }
	}

	chain from_pod {
		@nh,0,8 0x45 meta l4proto tcp accept
		meta nfproto ipv6 meta l4proto tcp accept
		meta nfproto ipv4 udp dport 68 counter packets 0 bytes 0 drop comment "answer of a DHCP server"
		meta nfproto ipv6 udp dport 546 counter packets 0 bytes 0 drop comment "answer of a DHCP server"
		icmp type redirect counter packets 0 bytes 0 drop comment "redirect"
		icmpv6 type nd-redirect counter packets 0 bytes 0 drop comment "redirect"
		icmpv6 type nd-router-advert counter packets 0 bytes 0 drop comment "router advertisement"
		ip option lsrr exists counter packets 0 bytes 0 drop comment "source route"
		ip option ssrr exists counter packets 0 bytes 0 drop comment "source route"
	}

	chain prerouting {
		type filter hook prerouting priority raw; policy accept;
		iifname != "veth*" accept
		iifname . ip saddr @ipv4 goto from_pod
		iifname . ip6 saddr @ipv6 goto from_pod
		iifname != @links accept
		ip6 saddr fe80::/10 goto from_pod
		ip6 saddr :: goto from_pod
		counter packets 0 bytes 0 drop comment "address of another"
	}
}
)nft");
}

TEST_F(SourceCheck, NftShowsTheObjectsOfAPortOfABridge) {
  add(kOwner, bridged("vethaaaaaaaa"));
  EXPECT_EQ(rules(), R"nft(table bridge plumb_links {
	comment "Pods send only from their own addresses (spoofCheck)"
	set links {
		type ifname
		elements = { "vethaaaaaaaa" comment "4dfa0667e74383ec-0b65a318f52e521b, net: tnet, if: eth0, id: cid1" }
	}

	set macs {
		type ifname . ether_addr
		elements = { "vethaaaaaaaa" . 02:00:00:00:00:01 comment "4dfa0667e74383ec-0b65a318f52e521b, net: tnet, if: eth0, id: cid1" }
	}

	set ipv4 {
		type ifname . ether_addr . ipv4_addr
		elements = { "vethaaaaaaaa" . 02:00:00:00:00:01 . 10.22.0.5 comment "4dfa0667e74383ec-0b65a318f52e521b, net: tnet, if: eth0, id: cid1" }
	}

	set ipv6 {
		type ifname . ether_addr . ipv6_addr
		elements = { "vethaaaaaaaa" . 02:00:00:00:00:01 . fe80::ff:fe00:1 comment "4dfa0667e74383ec-0b65a318f52e521b, net: tnet, if: eth0, id: cid1",
			     "vethaaaaaaaa" . 02:00:00:00:00:01 . fd00:22::5 comment "4dfa0667e74383ec-0b65a318f52e521b, net: tnet, if: eth0, id: cid1" }
	}

	chain from_pod {
		@nh,0,8 0x45 meta l4proto tcp accept
		meta protocol ip6 meta l4proto tcp accept
		meta protocol ip udp dport 68 counter packets 0 bytes 0 drop comment "answer of a DHCP server"
		meta protocol ip6 udp dport 546 counter packets 0 bytes 0 drop comment "answer of a DHCP server"
		icmp type redirect counter packets 0 bytes 0 drop comment "redirect"
		icmpv6 type nd-redirect counter packets 0 bytes 0 drop comment "redirect"
		icmpv6 type nd-router-advert counter packets 0 bytes 0 drop comment "router advertisement"
		ip option lsrr exists counter packets 0 bytes 0 drop comment "source route"
		ip option ssrr exists counter packets 0 bytes 0 drop comment "source route"
		icmpv6 type nd-neighbor-advert iifname . ether saddr . @th,64,128 != @ipv6 counter packets 0 bytes 0 drop comment "advertisement of another address"
		ip6 saddr :: icmpv6 type nd-neighbor-solicit iifname . ether saddr . @th,64,128 != @ipv6 counter packets 0 bytes 0 drop comment "claim of another address"
	}

	chain prerouting {
		type filter hook prerouting priority dstnat; policy accept;
		iifname != "veth*" accept
		iifname . ether saddr . ip saddr @ipv4 goto from_pod
		iifname . ether saddr . ip6 saddr @ipv6 goto from_pod
		iifname != @links accept
		iifname . ether saddr != @macs counter packets 0 bytes 0 drop comment "MAC address of another"
		iifname . arp saddr ether . arp saddr ip @ipv4 accept
		arp saddr ip 0.0.0.0 iifname . arp saddr ether @macs accept
		ip saddr 0.0.0.0 udp dport 67 accept
		ip6 saddr :: goto from_pod
		meta protocol arp counter packets 0 bytes 0 drop comment "ARP for another"
		meta protocol ip counter packets 0 bytes 0 drop comment "address of another"
		meta protocol ip6 counter packets 0 bytes 0 drop comment "address of another"
		meta protocol 8021q counter packets 0 bytes 0 drop comment "address of another"
		meta protocol 8021ad counter packets 0 bytes 0 drop comment "address of another"
	}
}
)nft");
}

TEST_F(SourceCheck, MasqueradeAndCheckAreOneTransaction) {
  nft::Nft nft;
  const std::uint32_t before = nft.generation();
  add_attachment_rules(kOwner, {.masquerade = {*base::Prefix::parse("10.22.0.5/24")},
                                .source_check = routed("vethaaaaaaaa")});
  EXPECT_EQ(nft.generation(), before + 1);
}

TEST_F(SourceCheck, FlushedRulesComeBackWithTheNextPod) {
  for (const char* how : {"nft flush ruleset", "nft flush table inet plumb_links",
                          "nft flush table bridge plumb_links"}) {
    add(kOwner, routed("vethaaaaaaaa"));
    add(kOwner, bridged("vethbbbbbbbb"));
    test::output_of(how);
    add(kOther, routed("vethcccccccc"));
    add(kOther, bridged("vethdddddddd"));
    EXPECT_NO_THROW(check_source_check(kOther, routed("vethcccccccc"))) << how;
    EXPECT_NO_THROW(check_source_check(kOther, bridged("vethdddddddd"))) << how;
    test::output_of("nft flush ruleset");
  }
}

TEST_F(SourceCheck, S268_CheckNamesTheMissingObject) {
  const PodLink link = bridged("vethaaaaaaaa");
  add(kOwner, link);
  EXPECT_NO_THROW(check_source_check(kOwner, link));
  EXPECT_THAT([&] { check_source_check(kOther, link); },
              ThrowsMessage<std::runtime_error>(
                  "source check: an element of link \"vethaaaaaaaa\" in set \"links\" is missing "
                  "from nf_tables table \"bridge plumb_links\""));
  test::output_of("nft flush set bridge plumb_links ipv4");
  EXPECT_THAT([&] { check_source_check(kOwner, link); },
              ThrowsMessage<std::runtime_error>(HasSubstr("set \"ipv4\"")));
  test::output_of("nft flush chain bridge plumb_links prerouting");
  EXPECT_THAT([&] { check_source_check(kOwner, link); },
              ThrowsMessage<std::runtime_error>(HasSubstr("a rule of chain \"prerouting\"")));
}

TEST_F(SourceCheck, S182_CheckAllowsAMacAddressThatALaterPluginChanged) {
  const PodLink link = bridged("vethaaaaaaaa");
  add(kOwner, link);
  PodLink changed = link;
  changed.bridged = *base::Mac::parse("02:00:00:00:00:99");
  changed.addresses.back() = address("fe80::ff:fe00:99");
  EXPECT_NO_THROW(check_source_check(kOwner, changed));
  EXPECT_THROW(check_source_check(kOther, changed), std::runtime_error);
}

TEST_F(SourceCheck, S268_RemovalGoesByOwnerWhateverIsKnown) {
  nft::Nft nft;
  for (const PodLink& link : {routed("vethaaaaaaaa"), bridged("vethaaaaaaaa")})
    for (const auto& known :
         {std::optional<PodLink>{}, std::optional(link), std::optional(routed("vethbbbbbbbb")),
          std::optional(bridged("vethbbbbbbbb")), std::optional(routed("vethaaaaaaaa", "9"))}) {
      add(kOwner, link);
      add(kOther, routed("vethbbbbbbbb", "6"));
      EXPECT_TRUE(remove_source_check(nft, kOwner, known));
      EXPECT_FALSE(remove_source_check(nft, kOwner, known));
      EXPECT_THAT(rules(), Not(HasSubstr("cid1")));
      EXPECT_NO_THROW(check_source_check(kOther, routed("vethbbbbbbbb", "6")));
      EXPECT_TRUE(remove_source_check(nft, kOther, {}));
    }
}

TEST_F(SourceCheck, ElementsOfAFormerLinkOfThatNameGo) {
  add(kOther, routed("vethaaaaaaaa", "6"));
  add(kOwner, routed("vethaaaaaaaa"));
  EXPECT_THAT(rules(), AllOf(Not(HasSubstr("cid2")), Not(HasSubstr("10.22.0.6"))));
  EXPECT_NO_THROW(check_source_check(kOwner, routed("vethaaaaaaaa")));
}

TEST_F(SourceCheck, S268_GcRemovesOnlyStaleChecksOfItsNetwork) {
  const Owner elsewhere{"onet", "cid3", "eth0"};
  const Owner late{"tnet", "cid4", "eth0"};
  add(kOwner, routed("vethaaaaaaaa"));
  add(kOwner, bridged("vethaaaaaaaa"));
  add(kOther, routed("vethbbbbbbbb"));
  add(elsewhere, routed("vethcccccccc"));
  const auto remove_stale = find_stale_source_checks("tnet", {&kOther, 1});
  add(late, routed("vethdddddddd"));
  remove_stale();
  EXPECT_THAT(rules(), Not(HasSubstr("cid1")));
  EXPECT_NO_THROW(check_source_check(kOther, routed("vethbbbbbbbb")));
  EXPECT_NO_THROW(check_source_check(elsewhere, routed("vethcccccccc")));
  EXPECT_NO_THROW(check_source_check(late, routed("vethdddddddd")));
}

}  // namespace
}  // namespace firewall
