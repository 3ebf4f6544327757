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

/// A base chain: a chain on a hook of the packet path.
struct BaseChain {
  Table table = {Family::inet, {}};
  std::string name = {};
  std::uint32_t hook = 0;  ///< as in linux/netfilter.h
  bool drops = false;      ///< its policy, for packets that no rule decides on
};

/// A netfilter netlink socket of the calling process's network namespace.
/// Failures throw std::system_error naming what was attempted.
class Nft {
 public:
  Nft();
  ~Nft();
  Nft(const Nft&) = delete;
  Nft& operator=(const Nft&) = delete;

  /// A number that changes with every transaction of the namespace.
  std::uint32_t generation();
  /// The cookie of the namespace, unique until the next boot (kernel 5.14).
  std::optional<std::uint64_t> namespace_cookie() const;
  /// Applies `batch`; an empty batch costs nothing. With `generation`, throws ERESTART if the rule
  /// set has changed since: the caller must read and decide again.
  void commit(const Batch& batch, std::optional<std::uint32_t> generation = {});

  /// The number of transactions that this process has made, on all sockets.
  static std::uint32_t commits() noexcept;

  /// Waits for an RCU grace period. Call after a removal, before closing, unless slow work comes
  /// between: closing the socket waits too, but holds a lock that every transaction of the
  /// namespace needs.
  static void settle() noexcept;

  bool has_table(const Table& table);
  bool has_chain(const Table& table, const std::string& chain);
  /// The number of rules of a base chain, or of rules and jumps to another chain; nothing when it
  /// does not exist.
  std::optional<std::uint32_t> count_rules(const Table& table, const std::string& chain);
  std::vector<ChainInfo> list_chains(const Table& table);
  /// Base chains of every table of families ip, ip6 and inet.
  std::vector<BaseChain> list_base_chains();
  /// Calls `visit` with the rules of one chain, or of the table, in order. After `restart` the list
  /// begins again.
  void visit_rules(const Table& table, const std::string& chain,
                   const std::function<void(const nftnl_rule&)>& visit,
                   const std::function<void()>& restart);
  /// The rules of one chain, or of the table, in order; empty when it does not exist.
  std::vector<RuleInfo> list_rules(const Table& table, const std::string& chain = {});
  /// The chain and the comment of each rule of the table, in order: much cheaper to read than whole
  /// rules.
  std::vector<ChainInfo> list_comments(const Table& table);
  /// The handles of the rules of a chain whose note (Rule::note()) is `wanted`, and not empty; as
  /// cheap as list_comments().
  std::vector<std::uint64_t> list_handles(const Table& table, const std::string& chain,
                                          const std::function<bool(std::string_view note)>& wanted);
  std::vector<std::string> list_sets(const Table& table);
  std::optional<Element> find_element(const Table& table, const std::string& set, const Bytes& key);
  /// The elements whose comment is `wanted`; empty when the set does not exist.
  std::vector<Element> list_elements(const Table& table, const std::string& set,
                                     const std::function<bool(std::string_view comment)>& wanted);
  /// Calls `visit` with all elements, one at a time: a set can have thousands. After `restart` the
  /// list begins again.
  void visit_elements(
      const Table& table, const std::string& set,
      const std::function<void(std::span<const std::uint8_t> key, bool interval_end)>& visit,
      const std::function<void()>& restart);

 private:
  std::unique_ptr<NetfilterSocket> socket_;
};

/// Runs `attempt` again while it throws ERESTART, ENOENT, EEXIST or EBUSY because another process
/// was faster. `attempt` must read the state that it decides on each time. Rethrows the error after
/// many rounds.
void retry_on_conflict(const std::function<void()>& attempt);

}  // namespace nft
