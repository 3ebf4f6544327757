// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>

#include "agent/source/etcd/ownership.h"

namespace agent::etcd {

/// The other keys with an address of this node. A flannel node that sees such a key removed deletes
/// the FDB entry of its address and MAC, which is this node's entry as well: only a new event of
/// this node's own key restores it.
class Namesakes {
 public:
  /// Compares the keys of `view` with those of the last look. `own` is the key of `self`. Returns
  /// whether one was removed since written(), or may have been before the first look: a former
  /// range of the own entry that no entry holds any more.
  bool look(const Identity& self, const View& view, const std::string& own);
  /// The own key was written after all removals so far.
  void written() { removed_ = false; }
  /// `key` was removed in the transaction that wrote the own key.
  void removed_with_own(const std::string& key) { keys_.erase(key); }

 private:
  std::set<std::string> keys_;
  bool removed_ = false;
  bool looked_ = false;
};

}  // namespace agent::etcd
