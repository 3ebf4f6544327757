// SPDX-License-Identifier: Apache-2.0
#include "libcni/nft/xt.h"

#include <arpa/inet.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace nft {
namespace {

/// The plain structure at `offset`; nothing when the data is too short.
template <typename T>
std::optional<T> read_at(std::span<const std::uint8_t> data, std::size_t offset = 0) {
  if (data.size() < offset + sizeof(T)) return std::nullopt;
  T value{};
  std::memcpy(&value, data.data() + offset, sizeof value);
  return value;
}

std::uint8_t protocol_of(std::string_view name) {
  if (name == "tcp") return IPPROTO_TCP;
  if (name == "udp") return IPPROTO_UDP;
  if (name == "sctp") return IPPROTO_SCTP;
  return name == "dccp" ? IPPROTO_DCCP : IPPROTO_UDPLITE;
}

/// A range of ports, both ends included.
struct Range {
  std::uint16_t first;
  std::uint16_t last;
};

/// xt_tcp and xt_udp begin with the source ports, xt_sctp_info and xt_dccp_info with the
/// destination ports; all in host order.
void read_ports(const XtPart& match, nft::RuleInfo& rule) {
  const bool source_first = match.name == "tcp" || match.name == "udp" || match.name == "udplite";
  const auto range = read_at<Range>(match.data, source_first ? sizeof(Range) : 0);
  rule.protocol = protocol_of(match.name);
  if (range && range->first == range->last) rule.port = range->first;
}

void read_multiport(const XtPart& match, nft::RuleInfo& rule) {
  const auto info = read_at<xt_multiport_v1>(match.data);
  if (match.revision != 1 || !info) return rule.set_unread();
  const auto count = std::min<std::size_t>(info->count, XT_MULTI_PORTS);
  rule.ports.assign(info->ports, info->ports + count);
}

void read_comment(const XtPart& match, nft::RuleInfo& rule) {
  const auto* text = reinterpret_cast<const char*>(match.data.data());
  rule.comment.assign(
      text, ::strnlen(text, std::min<std::size_t>(match.data.size(), XT_MAX_COMMENT_LEN)));
}

void read_mark(const XtPart& match, nft::RuleInfo& rule) {
  const auto info = read_at<xt_mark_mtinfo1>(match.data);
  if (match.revision == 1 && info) rule.mark = info->mark;
}

void read_conntrack(const XtPart& match, nft::RuleInfo& rule) {
  const auto info = read_at<xt_conntrack_mtinfo3>(match.data);
  if (match.revision != 3 || !info || info->match_flags != XT_CONNTRACK_STATE ||
      info->invert_flags != 0 || info->state_mask != kKnownConnections)
    return rule.set_unread();
  rule.has_more = true;
  rule.on_known_connections = true;
}

/// Revision 0 is nf_nat_ipv4_multi_range_compat; 1 and 2 begin as nf_nat_range2 does.
void read_dnat(const XtPart& target, int family, nft::RuleInfo& rule) {
  const bool old = target.revision == 0;
  const std::size_t address_at = old ? 8 : 4;
  const std::size_t port_at = old ? 16 : 36;
  const std::size_t size = family == AF_INET ? 4 : 16;
  const auto port = read_at<std::uint16_t>(target.data, port_at);
  if (!port) return;
  rule.translated_to = base::IpAddress::from_bytes(target.data.subspan(address_at, size));
  rule.translated_port = ntohs(*port);
}

}  // namespace

void read_xt_match(const XtPart& match, nft::RuleInfo& rule) {
  constexpr std::string_view kWithPorts[] = {"tcp", "udp", "udplite", "sctp", "dccp"};
  if (match.name == "comment")
    read_comment(match, rule);
  else if (match.name == "multiport")
    read_multiport(match, rule);
  else if (match.name == "mark")
    read_mark(match, rule);
  else if (std::ranges::find(kWithPorts, match.name) != std::end(kWithPorts))
    read_ports(match, rule);
  else if (match.name == "conntrack")
    read_conntrack(match, rule);
  else
    rule.set_unread();
}

void read_xt_target(const XtPart& target, int family, nft::RuleInfo& rule) {
  rule.target = target.name;
  if (target.name == "DNAT") read_dnat(target, family, rule);
  // xt_mark_tginfo2: the mark, then its mask.
  if (target.name == "MARK") rule.mark = read_at<std::uint32_t>(target.data).value_or(0);
}

}  // namespace nft
