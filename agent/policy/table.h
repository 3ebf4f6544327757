// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/policy/objects.h"

/// The nf_tables table `inet plumb_policy` as values, without a kernel. Forwarded packets are
/// dispatched by verdict maps keyed by the address of a local pod to the chain of its policies, in
/// which a match returns and everything else is refused.
namespace agent::policy {

inline constexpr const char* kTableName = "plumb_policy";
/// The bit of a connection's mark that refuses it, also where its first packet was allowed.
inline constexpr std::uint32_t kDeniedMark = 0x08000000;

/// From `first` to `last`, both included.
struct AddressRange {
  base::IpAddress first, last;
  auto operator<=>(const AddressRange&) const = default;
};

struct Element {
  base::IpAddress address = {};
  base::IpAddress other = {};  ///< pairs: the destination; ranges: the last address
  std::uint8_t protocol = 0;   ///< targets
  std::uint16_t port = 0;      ///< targets
  std::string chain = {};      ///< verdicts: jump to it
  auto operator<=>(const Element&) const = default;
};

struct TableSet {
  enum class Kind { addresses, ranges, pairs, targets, verdicts };
  std::string name;
  int family = 0;  ///< AF_INET or AF_INET6
  Kind kind = Kind::addresses;
  std::vector<Element> elements = {};  ///< sorted
  bool operator==(const TableSet&) const = default;
};

/// A condition of a rule.
struct Condition {
  enum class Kind {
    marked_denied,
    reply,        ///< of a connection whose first packet was allowed
    related,      ///< ICMP errors of a known connection, by `family`
    invalid,      ///< no connection
    icmp6_types,  ///< from `first` to `last`
    hop_limit,    ///< of IPv6, `first`
    family,
    source_in,       ///< of `set`
    destination_in,  ///< of `set`
    pair_in,         ///< source and destination
    target_in,       ///< destination, protocol and port
    source,          ///< of `block`
    destination,     ///< of `block`
    protocol,
    ports,             ///< of `protocol`
    source_is_foreign  ///< not an address of this node
  };
  Kind kind;
  int family = 0;
  std::string set = {};
  bool inverted = false;
  base::Prefix block = {};
  std::uint8_t protocol = 0;
  std::uint16_t first = 0, last = 0;
  bool operator==(const Condition&) const = default;
};

struct TableRule {
  enum class Verdict { accept, drop, give_back, go_to, source_map, destination_map, reset, reject };
  std::vector<Condition> conditions = {};
  Verdict verdict = Verdict::accept;
  int family = 0;           ///< maps
  std::string target = {};  ///< a chain, or a map
  bool counts = false;
  std::string comment = {};
  bool operator==(const TableRule&) const = default;
};

struct TableChain {
  enum class Hook { none, forward, output };
  std::string name;
  Hook hook = Hook::none;
  std::string comment = {};
  std::vector<TableRule> rules = {};
  bool operator==(const TableChain&) const = default;
};

/// Chains stand before those that jump to them.
struct PolicyTable {
  std::vector<TableSet> sets = {};  ///< sorted by name
  std::vector<TableChain> chains = {};
  std::vector<std::string> problems = {};  ///< policies that allow nothing, one line each
  bool operator==(const PolicyTable&) const = default;
};

/// `text` as a comment that a script can quote, cut to what nf_tables stores: a file may name an
/// object anything. Names that the API admits stay as they are.
std::string comment_of(std::string text);
/// A rule as nft reads it.
std::string text_of(const TableRule& rule);
/// The table as a script for `nft -f`, which replaces what the table had, in one transaction.
std::string print_table(const PolicyTable& table);

}  // namespace agent::policy
