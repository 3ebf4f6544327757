// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libcni/base/ip.h"

struct nftnl_rule;

namespace nft {

/// The parts of a listed rule that this suite needs: of nf_tables rules, and of iptables rules in
/// either variant.
struct RuleInfo {
  std::string chain = {};
  std::uint64_t handle = 0;  ///< handle in nf_tables; rules of iptables' legacy tables have none
  std::string comment = {};  ///< of nft, or of iptables' `-m comment`
  std::string target = {};   ///< chain that it jumps or goes to, or an iptables target's name
  std::optional<base::Prefix> source = {};
  std::optional<base::Prefix> destination = {};
  bool excludes_destination = false;      ///< it matches packets that do not go to `destination`
  std::uint32_t mark = 0;                 ///< mark that it compares with, or sets
  std::uint8_t protocol = 0;              ///< of layer 4; 0: any
  std::uint16_t port = 0;                 ///< destination port; 0: any
  std::vector<std::uint16_t> ports = {};  ///< of iptables' `-m multiport`
  std::optional<base::IpAddress> translated_to = {};  ///< destination that it writes (DNAT)
  std::uint16_t translated_port = 0;
  bool has_more = false;              ///< it has matches besides those above
  bool on_known_connections = false;  ///< conntrack state RELATED or ESTABLISHED alone
  std::string input_link = {};
  std::string output_link = {};
  bool excludes_output_link = false;  ///< it matches packets that do not leave by `output_link`
  bool has_unread = false;            ///< it has matches that are not stored here at all
  enum class Verdict { none, accept, drop, give_back } verdict = Verdict::none;
  std::string note = {};                    ///< Rule::note()
  std::vector<std::uint8_t> compared = {};  ///< value of its last comparison
  void set_unread() { has_more = has_unread = true; }
  bool operator==(const RuleInfo&) const = default;
};

/// `family` (AF_INET or AF_INET6) determines the length of addresses; in tables of both families,
/// each rule's `meta nfproto` does.
RuleInfo read_rule(const nftnl_rule* rule, int family);

}  // namespace nft
