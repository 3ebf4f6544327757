// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/ownership.h"

#include <sys/socket.h>

#include <algorithm>
#include <iterator>

#include "libcni/json/object.h"

namespace agent::etcd {
namespace {

bool share(const std::vector<base::IpAddress>& a, const std::vector<base::IpAddress>& b) {
  return std::ranges::any_of(
      a, [&](const auto& address) { return std::ranges::count(b, address) > 0; });
}

std::string list_of(const std::vector<Pool>& pools) {
  std::string text;
  for (const Pool& pool : pools)
    text += (text.empty() ? "" : ", ") + pool.network.text() + " (ranges of /" +
            std::to_string(pool.length) + ")";
  return text;
}

std::vector<Pool> of_family(const std::vector<Pool>& pools, int family) {
  std::vector<Pool> result;
  std::ranges::copy_if(pools, std::back_inserter(result),
                       [&](const Pool& pool) { return pool.network.address.family() == family; });
  return result;
}

/// Ranges and addresses that are not free. A former range that is wider than any range of `pools`
/// never was a node's, and would leave no range for others.
std::vector<base::Prefix> taken_ranges(const Identity& self, const std::vector<Pool>& pools,
                                       const View& view) {
  const auto can_be_former = [&](const base::Prefix& range) {
    return std::ranges::any_of(pools,
                               [&](const Pool& pool) { return range.length >= pool.length; });
  };
  std::vector<base::Prefix> taken;
  for (const auto& [key, entry] : view.entries()) {
    const auto& former = entry.record.node.former_ranges;
    if (!owns(self, entry)) {
      taken.insert(taken.end(), entry.ranges().begin(), entry.ranges().end());
      std::ranges::copy_if(former, std::back_inserter(taken), can_be_former);
    }
    for (const auto& address : entry.record.node.addresses)
      taken.push_back(base::host_prefix(address));
  }
  for (const auto& address : self.addresses) taken.push_back(base::host_prefix(address));
  return taken;
}

Choice choose_pinned(const Identity& self, const Supply& supply, const View& view) {
  if (find_ranges(key_of(supply.pinned)).value_or(supply.pinned).size() != supply.pinned.size())
    return {.problem = "configuration: etcd holds at most one range per family and node"};
  for (const base::Prefix& range : supply.pinned) {
    const std::string holder = holder_of(range, self, view);
    if (!holder.empty())
      return {.problem = "configuration: range " + range.text() + " is held by " + holder};
  }
  return {.ranges = supply.pinned};
}

/// The node's last range of this family, if it is free; otherwise choice.problem says why not.
std::optional<base::Prefix> find_last(const Identity& self, const std::vector<Pool>& pools,
                                      const View& view, Choice& choice) {
  const int family = pools.front().network.address.family();
  for (const base::Prefix& last : self.ranges) {
    if (last.address.family() != family || !offers(pools, last)) continue;
    const std::string holder = holder_of(last, self, view);
    if (holder.empty()) return last;
    choice.problem = "range " + last.text() + " of this node is held by " + holder + " now";
  }
  return std::nullopt;
}

}  // namespace

bool owns(const Identity& self, const Entry& entry) {
  if (entry.bad()) return false;
  const fabric::Node& node = entry.record.node;
  const bool address = share(node.addresses, self.addresses);
  if (entry.record.author != Author::plumbd) return address;
  const bool name = node.name == self.name;
  const bool range = std::ranges::any_of(
      node.ranges, [&](const auto& prefix) { return std::ranges::count(self.ranges, prefix) > 0; });
  return (name && address) || (name && range) || (address && range);
}

bool shares_address(const Identity& self, const Entry& entry) {
  return share(entry.record.node.addresses, self.addresses);
}

bool fits(const Supply& supply, const std::vector<base::Prefix>& ranges) {
  if (!supply.pinned.empty()) return key_of(supply.pinned) == key_of(ranges);
  if (supply.pools.empty()) return true;
  const auto has_family = [&](const Pool& pool) {
    return std::ranges::any_of(ranges, [&](const base::Prefix& range) {
      return range.address.family() == pool.network.address.family();
    });
  };
  return std::ranges::all_of(supply.pools, has_family) &&
         std::ranges::all_of(ranges,
                             [&](const auto& range) { return offers(supply.pools, range); });
}

const KeyedEntry* find_own(const Identity& self, const Supply& supply, const View& view,
                           const std::string& last) {
  const auto& entries = view.entries();
  const auto is_ours = [&](const KeyedEntry& entry) {
    return owns(self, entry.second) && fits(supply, entry.second.ranges());
  };
  const auto found = entries.find(last);
  if (found != entries.end() && is_ours(*found)) return &*found;
  const KeyedEntry* best = nullptr;
  const auto rank = [&](const KeyedEntry& entry) {
    return std::pair(key_of(entry.second.ranges()) == key_of(self.ranges),
                     entry.second.mod_revision);
  };
  for (const KeyedEntry& entry : entries)
    if (is_ours(entry) && (best == nullptr || rank(entry) > rank(*best))) best = &entry;
  return best;
}

const KeyedEntry* find_given_up(const Identity& self, const View& view, const std::string& kept,
                                const std::vector<base::Prefix>& former) {
  const auto is_former = [&](const base::Prefix& range) {
    return std::ranges::count(former, range) > 0;
  };
  const auto found = std::ranges::find_if(view.entries(), [&](const KeyedEntry& each) {
    const auto& [key, entry] = each;
    return key != kept && entry.lease != 0 && entry.record.author == Author::plumbd &&
           owns(self, entry) && std::ranges::none_of(entry.ranges(), is_former);
  });
  return found == view.entries().end() ? nullptr : &*found;
}

Choice choose(const Identity& self, const Supply& supply, const View& view, std::uint64_t random) {
  if (!supply.pinned.empty()) return choose_pinned(self, supply, view);
  if (supply.pools.empty())
    return {.problem = view.network_problem().empty()
                           ? "no network to take a range from: neither network.ranges of the "
                             "configuration nor key \"" +
                                 view.config_key() + "\" names one"
                           : view.network_problem()};
  Choice choice;
  for (const int family : {AF_INET, AF_INET6}) {
    const auto pools = of_family(supply.pools, family);
    if (pools.empty()) continue;
    auto range = find_last(self, pools, view, choice);
    if (!range) range = pick(pools, taken_ranges(self, pools, view), random);
    if (!range) return {.problem = "no range is free in " + list_of(pools)};
    choice.ranges.push_back(*range);
  }
  return choice;
}

std::string holder_of(const base::Prefix& range, const Identity& self, const View& view) {
  for (const auto& [key, entry] : view.entries()) {
    if (owns(self, entry)) continue;
    const auto overlaps = [&](const base::Prefix& other) { return range.overlaps(other); };
    if (!std::ranges::any_of(entry.ranges(), overlaps)) continue;
    const fabric::Node& node = entry.record.node;
    if (entry.bad()) return "key " + json::excerpt(view.subnets() + key);
    return "node " + json::quote(node.name) + " (" + node.addresses.front().text() + ")";
  }
  return {};
}

}  // namespace agent::etcd
