// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcni/net/nft_rule.h"

namespace net {
class NetfilterSocket;
}

namespace net::nft {

struct Table {
  Family family;
  std::string name;
};

/// What makes a chain a base chain; numbers as in linux/netfilter.h.
struct Hook {
  std::string type = "nat";
  std::uint32_t hook = 0;
  std::int32_t priority = 0;
};
Hook prerouting_nat();   ///< priority dstnat
Hook output_nat();       ///< priority dstnat
Hook postrouting_nat();  ///< priority srcnat

/// A set, or a map when `data` is not empty; hash lookups, no intervals.
struct Set {
  std::string name;
  std::vector<Type> key;
  std::vector<Type> data = {};
};

/// An element of a set or map. `comment` is what `nft list ruleset` shows; 128 bytes at most.
struct Element {
  Bytes key;
  Bytes data = {};
  std::string comment = {};
  bool operator==(const Element&) const = default;
};

struct ChainInfo {
  std::string name;
  std::string comment;
};

/// One atomic transaction: the kernel applies all of it or nothing.
class Batch {
 public:
  explicit Batch(Table table) : table_(std::move(table)) {}

  void select(const Table& table) { table_ = table; }  ///< what follows is about this table

  void ensure_table(const std::string& comment);
  void ensure_chain(const std::string& name, const std::string& comment = {});
  void ensure_base_chain(const std::string& name, const Hook& hook);
  void flush_chain(const std::string& name);
  void remove_chain(
      const std::string& name);  ///< with its rules; EBUSY while something jumps to it
  void append_rule(const std::string& chain, const Rule& rule);
  void insert_rule(const std::string& chain, const Rule& rule);  ///< at the head
  void remove_rule(const std::string& chain, std::uint64_t handle);
  void ensure_set(const Set& set);
  void remove_set(const std::string& name);
  void add_element(const std::string& set,
                   const Element& element);  ///< EEXIST when the key is there
  void remove_element(const std::string& set, const Bytes& key);

  bool empty() const { return attempts_.empty(); }

 private:
  friend class Nft;
  struct Scratch;
  void add(Scratch& message, std::string attempted);
  void put_rule(const std::string& chain, const Rule& rule, std::uint16_t flags);
  Table table_;
  std::vector<char> messages_;
  std::vector<std::string> attempts_;  ///< what message i tries, for errors
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
  /// Applies `batch`; an empty one costs nothing. With `generation`, throws ERESTART when anyone
  /// has changed the rule set since: read again, decide again.
  void commit(const Batch& batch, std::optional<std::uint32_t> generation = {});

  /// Call before closing, after a removal, unless something slow such as the removal of a link
  /// comes between. Closing the socket waits for an RCU grace period after anybody's removal, and
  /// holds a lock that every transaction of the namespace needs; this waits for the same period
  /// without the lock.
  static void settle() noexcept;

  bool has_chain(const Table& table, const std::string& chain);
  std::vector<ChainInfo> list_chains(const Table& table);
  /// Of one chain, or of the whole table, in order; empty when there is no such table or chain.
  std::vector<RuleInfo> list_rules(const Table& table, const std::string& chain = {});
  std::vector<std::string> list_sets(const Table& table);
  std::optional<Element> find_element(const Table& table, const std::string& set, const Bytes& key);
  /// Elements whose comment is `wanted`; empty when there is no such set.
  std::vector<Element> list_elements(const Table& table, const std::string& set,
                                     const std::function<bool(std::string_view comment)>& wanted);

 private:
  std::unique_ptr<NetfilterSocket> socket_;
};

/// Runs `attempt` until it does not throw ERESTART, or ENOENT, EEXIST or EBUSY because another
/// process was faster: it must read what it decides on anew. Gives up after many rounds with that
/// error.
void retry_on_conflict(const std::function<void()>& attempt);

}  // namespace net::nft
