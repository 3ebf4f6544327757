// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libcni/base/ip.h"

struct nftnl_rule;

namespace nft {

/// What a listed rule says, as far as this suite asks: rules of nf_tables, and those of iptables in
/// either variant.
struct RuleInfo {
  std::string chain = {};
  std::uint64_t handle = 0;  ///< of nf_tables; iptables' legacy tables have none
  std::string comment = {};  ///< of nft, or of iptables' `-m comment`
  std::string target = {};   ///< chain that it jumps or goes to, or an iptables target's name
  std::optional<base::Prefix> source = {};
  std::optional<base::Prefix> destination = {};
  bool excludes_destination = false;      ///< it matches what does not go to `destination`
  std::uint32_t mark = 0;                 ///< that it compares with, or sets
  std::uint8_t protocol = 0;              ///< of layer 4; 0: any
  std::uint16_t port = 0;                 ///< destination port; 0: any
  std::vector<std::uint16_t> ports = {};  ///< of iptables' `-m multiport`
  std::optional<base::IpAddress> translated_to = {};  ///< destination that it writes (DNAT)
  std::uint16_t translated_port = 0;
  bool has_more = false;                    ///< it has matches that are not told here
  std::vector<std::uint8_t> compared = {};  ///< what its last comparison is with
  bool operator==(const RuleInfo&) const = default;
};

/// `family` tells the length of addresses, AF_INET or AF_INET6; in tables of both, each rule's
/// `meta nfproto` does.
RuleInfo read_rule(const nftnl_rule* rule, int family);

}  // namespace nft
