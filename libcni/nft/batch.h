// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libcni/nft/rule.h"

namespace nft {

struct Table {
  Family family;
  std::string name;
};

/// The attributes of a base chain; numbers as in linux/netfilter.h.
struct Hook {
  std::string type = "nat";
  std::uint32_t hook = 0;
  std::int32_t priority = 0;
};
Hook prerouting_nat();   ///< priority dstnat
Hook output_nat();       ///< priority dstnat
Hook postrouting_nat();  ///< priority srcnat
Hook prerouting_raw();   ///< before connection tracking
Hook output_raw();
Hook forward_filter();
Hook output_filter();

/// A set, or a map when `data` is not empty. With `intervals` it is a set of ranges: an element
/// marks the begin of a range or, with `interval_end`, the first value after its end.
struct Set {
  std::string name;
  std::vector<Type> key;
  std::vector<Type> data = {};
  bool intervals = false;
  bool verdicts = false;  ///< a map whose data are chains to jump to: Element::chain
};

/// An element of a set or map. `comment` is what `nft list ruleset` shows; 128 bytes at most.
/// `companions` is a number that only this suite uses and nft does not show: how many elements its
/// owner added in the same transaction, itself included; 0: unknown.
struct Element {
  Bytes key;
  Bytes data = {};
  std::string comment = {};
  std::uint8_t companions = 0;
  bool interval_end = false;
  std::string chain = {};  ///< where a map of verdicts jumps to
  bool operator==(const Element&) const = default;
};

/// One atomic transaction: the kernel applies all of it or nothing.
class Batch {
 public:
  explicit Batch(Table table) : table_(std::move(table)) {}

  void select(const Table& table) { table_ = table; }  ///< later calls refer to this table
  const Table& table() const { return table_; }

  void ensure_table(const std::string& comment);
  void remove_table();  ///< with all its contents
  void ensure_chain(const std::string& name, const std::string& comment = {});
  void ensure_base_chain(const std::string& name, const Hook& hook);
  void flush_chain(const std::string& name);
  void remove_chain(const std::string& name);  ///< with its rules; EBUSY while a rule jumps to it
  void append_rule(const std::string& chain, const Rule& rule);
  void insert_rule(const std::string& chain, const Rule& rule);  ///< at the head
  void remove_rule(const std::string& chain, std::uint64_t handle);
  void ensure_set(const Set& set);
  void remove_set(const std::string& name);
  void add_element(const std::string& set,
                   const Element& element);  ///< EEXIST when the key exists
  void remove_element(const std::string& set, const Bytes& key, bool interval_end = false);

  bool empty() const { return attempts_.empty(); }
  std::size_t size() const { return attempts_.size(); }  ///< requests

 private:
  friend class Nft;
  struct Scratch;
  void add(Scratch& message, std::string attempted);
  void put_rule(const std::string& chain, const Rule& rule, std::uint16_t flags);
  Table table_;
  std::vector<char> messages_;
  std::vector<std::string> attempts_;  ///< description of message i, for errors
};

}  // namespace nft
