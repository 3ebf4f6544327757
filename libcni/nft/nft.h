// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libcni/nft/batch.h"
#include "libcni/nft/rule_info.h"

namespace nft {
class NetfilterSocket;
}

namespace nft {

struct ChainInfo {
  std::string name;
  std::string comment;
};

/// A chain that hangs in the packets' way.
struct BaseChain {
  Table table = {Family::inet, {}};
  std::string name = {};
  std::uint32_t hook = 0;  ///< as in linux/netfilter.h
  bool drops = false;      ///< its policy, for what no rule decides
};

/// A netfilter netlink socket of the calling process's network namespace.
/// Failures throw std::system_error naming what was attempted.
class Nft {
 public:
  Nft();
  ~Nft();
  Nft(const Nft&) = delete;
  Nft& operator=(const Nft&) = delete;

  /// Changes with every transaction of the namespace.
  std::uint32_t generation();
  /// The number of the namespace, which no other one gets before the next boot (kernel 5.14).
  std::optional<std::uint64_t> namespace_cookie() const;
  /// Applies `batch`; an empty one costs nothing. With `generation`, throws ERESTART when anyone
  /// has changed the rule set since: read again, decide again.
  void commit(const Batch& batch, std::optional<std::uint32_t> generation = {});

  /// Waits for an RCU grace period. Call after a removal, before closing, unless slow work comes
  /// between: a close waits for the same, but holds a lock that every transaction of the namespace
  /// needs.
  static void settle() noexcept;

  bool has_table(const Table& table);
  bool has_chain(const Table& table, const std::string& chain);
  std::vector<ChainInfo> list_chains(const Table& table);
  /// Base chains of every table of families ip, ip6 and inet.
  std::vector<BaseChain> list_base_chains();
  /// Shows the rules of one chain, or of the table, in order; after `restart` they begin anew.
  void visit_rules(const Table& table, const std::string& chain,
                   const std::function<void(const nftnl_rule&)>& visit,
                   const std::function<void()>& restart);
  /// Of one chain, or of the table, in order; empty when there is none.
  std::vector<RuleInfo> list_rules(const Table& table, const std::string& chain = {});
  /// The chain and the comment of each rule of the table, in order: much cheaper to read than whole
  /// rules.
  std::vector<ChainInfo> list_comments(const Table& table);
  std::vector<std::string> list_sets(const Table& table);
  std::optional<Element> find_element(const Table& table, const std::string& set, const Bytes& key);
  /// Elements whose comment is `wanted`; empty when there is no such set.
  std::vector<Element> list_elements(const Table& table, const std::string& set,
                                     const std::function<bool(std::string_view comment)>& wanted);
  /// All elements, one at a time: a set can have thousands. After `restart` they begin anew.
  void visit_elements(
      const Table& table, const std::string& set,
      const std::function<void(std::span<const std::uint8_t> key, bool interval_end)>& visit,
      const std::function<void()>& restart);

 private:
  std::unique_ptr<NetfilterSocket> socket_;
};

/// Runs `attempt` until it does not throw ERESTART, or ENOENT, EEXIST or EBUSY because another
/// process was faster: it must read what it decides on anew. Gives up after many rounds with that
/// error.
void retry_on_conflict(const std::function<void()>& attempt);

}  // namespace nft
