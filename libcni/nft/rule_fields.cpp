// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdio>

#include <libnftnl/expr.h>

#include "libcni/nft/expressions.h"
#include "libcni/nft/rule.h"

namespace nft {
namespace {

constexpr std::uint32_t kMacOffset = 6;     // source address in an Ethernet header
constexpr std::uint32_t kArpMacOffset = 8;  // sender's hardware address
constexpr std::uint32_t kArpOffset = 14;    // sender's IPv4 address
constexpr std::uint32_t kTargetOffset = 8;  // of an ICMPv6 neighbour solicitation or advertisement

/// The place of a field in the packet, or the key of `meta` that has it.
struct Place {
  bool is_meta = false;
  std::uint32_t where = 0;  ///< a header, or a key of meta
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
};

Place place_of(Field::Name name, int family) {
  const std::uint32_t size = address_size(family);
  switch (name) {
    case Field::Name::source:
      return {false, NFT_PAYLOAD_NETWORK_HEADER, source_offset(family), size};
    case Field::Name::destination:
      return {false, NFT_PAYLOAD_NETWORK_HEADER, destination_offset(family), size};
    case Field::Name::l4proto:
      return {true, NFT_META_L4PROTO, 0, 1};
    case Field::Name::destination_port:
      return {false, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2};
    case Field::Name::input_link:
      return {true, NFT_META_IIFNAME, 0, IFNAMSIZ};
    case Field::Name::ether_source:
      return {false, NFT_PAYLOAD_LL_HEADER, kMacOffset, ETH_ALEN};
    case Field::Name::arp_sender_mac:
      return {false, NFT_PAYLOAD_NETWORK_HEADER, kArpMacOffset, ETH_ALEN};
    case Field::Name::arp_sender:
      return {false, NFT_PAYLOAD_NETWORK_HEADER, kArpOffset, 4};
    case Field::Name::neighbour_target:
      return {false, NFT_PAYLOAD_TRANSPORT_HEADER, kTargetOffset, 16};
    case Field::Name::vxlan_source4:
      return {false, NFT_PAYLOAD_TRANSPORT_HEADER, kInnerPacketOffset + source_offset(AF_INET), 4};
    case Field::Name::vxlan_source6:
      return {false, NFT_PAYLOAD_TRANSPORT_HEADER, kInnerPacketOffset + source_offset(AF_INET6),
              16};
  }
  return {};
}

}  // namespace

void Rule::load_fields(int family, const std::vector<Field>& fields) {
  std::uint32_t offset = 0;
  for (const Field& field : fields) {
    const Place place = place_of(field.name, family);
    const std::uint32_t reg = first_register(offset);
    add(place.is_meta ? meta(place.where, reg)
                      : payload(place.where, place.offset, place.size, reg));
    if (field.length >= 0 && static_cast<std::uint32_t>(field.length) < place.size * 8)
      mask(reg, network_mask(place.size, field.length));
    offset += padded_size(place.size);
  }
}

Rule& Rule::ether_source(const base::Mac& mac) {
  add(payload(NFT_PAYLOAD_LL_HEADER, kMacOffset, ETH_ALEN, NFT_REG_1));
  compare(mac.bytes.data(), ETH_ALEN, Match::equal);
  return *this;
}

Rule& Rule::input_link_begins(const std::string& prefix, Match match) {
  add(meta(NFT_META_IIFNAME, NFT_REG_1));
  compare(prefix.data(), static_cast<std::uint32_t>(prefix.size()), match);
  return *this;
}

Rule& Rule::protocol(std::uint16_t ether_type) {
  const std::uint16_t wire = htons(ether_type);
  add(meta(NFT_META_PROTOCOL, NFT_REG_1));
  compare(&wire, sizeof wire, Match::equal);
  return *this;
}

Rule& Rule::arp_sender(const base::IpAddress& address) {
  add(payload(NFT_PAYLOAD_NETWORK_HEADER, kArpOffset, 4, NFT_REG_1));
  compare(address.bytes().data(), 4, Match::equal);
  return *this;
}

Rule& Rule::icmp_type(int family, std::uint8_t type) {
  l4proto(family == AF_INET ? std::uint8_t{IPPROTO_ICMP} : std::uint8_t{IPPROTO_ICMPV6});
  add(payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, NFT_REG_1));
  compare(&type, sizeof type, Match::equal);
  return *this;
}

Rule& Rule::ipv4_option(std::uint8_t option) {
  const std::uint8_t present = 1;
  add(presence(NFT_EXTHDR_OP_IPV4, option));
  compare(&present, sizeof present, Match::equal);
  return *this;
}

Rule& Rule::without_ipv4_options() {
  const std::uint8_t version_and_length = 0x45;
  add(payload(NFT_PAYLOAD_NETWORK_HEADER, 0, 1, NFT_REG_1));
  compare(&version_and_length, sizeof version_and_length, Match::equal);
  return *this;
}

}  // namespace nft
