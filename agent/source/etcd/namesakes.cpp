// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/namesakes.h"

#include <algorithm>
#include <utility>

namespace agent::etcd {

bool Namesakes::look(const Identity& self, const View& view, const std::string& own) {
  std::set<std::string> present;
  for (const auto& [key, other] : view.entries())
    if (key != own && !other.bad() && shares_address(self, other)) present.insert(key);
  removed_ = removed_ || !std::ranges::includes(present, std::exchange(keys_, present));
  if (!std::exchange(looked_, true))
    for (const base::Prefix& range : view.entries().at(own).record.node.former_ranges)
      removed_ = removed_ || holder_of(range, {}, view).empty();
  return removed_;
}

}  // namespace agent::etcd
