// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/base/mac.h"
#include "libcni/nft/types.h"

struct nftnl_rule;
struct nftnl_expr;

namespace nft {

/// From `first` to `last`, both included.
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  bool operator==(const PortRange&) const = default;
};

/// A rule under construction: matches and statements in evaluation order.
class Rule {
 public:
  explicit Rule(const std::string& comment = {});
  ~Rule();
  Rule(Rule&&) noexcept;
  Rule& operator=(Rule&&) noexcept;

  enum class Match { equal, unequal };

  Rule& address_family(
      int family);  ///< meta nfproto: rules of inet tables need it before addresses
  Rule& source(const base::Prefix& prefix, Match match = Match::equal);
  Rule& destination(const base::Prefix& prefix, Match match = Match::equal);
  Rule& destination_is_local();                    ///< fib daddr type local
  Rule& source_is_behind_another_link();           ///< fib saddr . iif oif missing
  Rule& destination_was_translated();              ///< ct status dnat
  Rule& connection_is_known();                     ///< ct state established,related
  Rule& connection_is_reply();                     ///< ct direction reply ct state established
  Rule& connection_is_related();                   ///< ct state related
  Rule& connection_is_invalid();                   ///< ct state invalid
  Rule& connection_is_marked(std::uint32_t bits);  ///< with any of these bits
  Rule& source_is_foreign();                       ///< fib saddr type != local
  Rule& input_link(const std::string& name, Match match = Match::equal);
  Rule& input_link_begins(const std::string& prefix, Match match = Match::equal);
  Rule& output_link(const std::string& name, Match match = Match::equal);
  Rule& mark(std::uint32_t value, std::uint32_t mask, Match match = Match::equal);
  Rule& ether_source(const base::Mac& mac);
  Rule& protocol(std::uint16_t ether_type);  ///< tables of family bridge need it before addresses
  Rule& arp_sender(const base::IpAddress& address);
  Rule& icmp_type(int family, std::uint8_t type);            ///< of ICMP or ICMPv6
  Rule& icmp6_types(std::uint8_t first, std::uint8_t last);  ///< both included
  Rule& ip6_hop_limit(std::uint8_t limit);
  Rule& ipv4_option(std::uint8_t option);  ///< the packet has this option
  Rule& without_ipv4_options();            ///< IPv4, without any
  Rule& l4proto(std::uint8_t protocol);
  Rule& destination_port(std::uint16_t port);
  Rule& destination_ports(PortRange ports);
  Rule& source_port_at_least(std::uint16_t port);
  Rule& vxlan(std::uint16_t port, std::uint32_t vni);  ///< UDP to this port, of this network
  Rule& vxlan_carries(int family);  ///< IPv4 or IPv6 without a VLAN tag in a VXLAN packet
  /// Matches fragments of IP packets; in prerouting only where the kernel does not reassemble.
  Rule& fragment(int family);
  /// `family` determines the length of the addresses in `fields`.
  Rule& in_set(const std::string& set, int family, const std::vector<Field>& fields,
               Match match = Match::equal);

  /// Matches of iptables, which its tools and nft show as their own.
  Rule& xt_comment(const std::string& text);  ///< -m comment; cut to 255 bytes
  Rule& xt_connection_is_known();             ///< -m conntrack --ctstate RELATED,ESTABLISHED

  Rule& dnat(const base::IpAddress& address, std::uint16_t port);
  /// DNAT by a map from `fields` to address . port; without an entry the packet is not translated.
  Rule& dnat_by_map(const std::string& map, int family, const std::vector<Field>& fields);
  Rule& masquerade();
  /// Masquerade with random source ports, which cannot be guessed and rarely collide; only ports of
  /// `ports` if given.
  Rule& masquerade_fully_random(const std::optional<PortRange>& ports = {});
  Rule& notrack();
  Rule& counter();
  Rule& jump(const std::string& chain);
  Rule& go_to(const std::string& chain);
  Rule& return_to_caller();
  Rule& drop();
  Rule& accept();
  /// Answers TCP with a reset, or any packet with "administratively prohibited", and drops it.
  Rule& refuse_with_reset();
  Rule& refuse_as_prohibited();
  /// The verdict of a map of `Set::verdicts`; a packet without an entry goes on.
  Rule& decide_by_map(const std::string& map, int family, const std::vector<Field>& fields);

  /// Stores `text` with the rule where no tool shows it: iptables-save prints the same as without.
  Rule& note(const std::string& text);

  nftnl_rule* raw() const { return rule_; }
  const std::string& comment() const { return comment_; }

 private:
  Rule& add(nftnl_expr* expression);
  void match_address(std::uint32_t offset, const base::Prefix& prefix, Match match);
  void match_connection(std::uint32_t key, std::uint32_t any_of);
  void match_link(std::uint32_t key, const std::string& name, Match match);
  void compare(const void* data, std::uint32_t size, Match match);
  void mask(std::uint32_t reg, const Bytes& bits);
  void load_fields(int family, const std::vector<Field>& fields);
  Rule& verdict(int code, const std::string& chain);
  nftnl_rule* rule_;
  std::string comment_;
};

}  // namespace nft
