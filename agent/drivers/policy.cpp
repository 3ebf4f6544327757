// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/policy.h"

#include <algorithm>
#include <map>
#include <system_error>

#include "agent/drivers/policy_wire.h"

namespace agent {
namespace {

using policy::PolicyTable;

using Comments = std::map<std::string, std::vector<std::string>>;

bool has_rules(nft::Nft& nft, const PolicyTable& wanted) {
  Comments present, expected;
  for (const nft::ChainInfo& rule : nft.list_comments(policy_table()))
    present[rule.name].push_back(rule.comment);
  for (const policy::TableChain& chain : wanted.chains)
    for (const policy::TableRule& rule : chain.rules) expected[chain.name].push_back(rule.comment);
  return present == expected;
}

using Keys = std::vector<std::pair<nft::Bytes, bool>>;

bool has_verdicts(nft::Nft& nft, const policy::TableSet& map) {
  auto present = nft.list_elements(policy_table(), map.name, [](std::string_view) { return true; });
  std::ranges::sort(present, {}, &nft::Element::key);
  return present == elements_of(map);
}

bool has_elements(nft::Nft& nft, const policy::TableSet& set) {
  if (set.kind == policy::TableSet::Kind::verdicts) return has_verdicts(nft, set);
  Keys present, expected;
  nft.visit_elements(
      policy_table(), set.name,
      [&](std::span<const std::uint8_t> key, bool end) {
        present.emplace_back(nft::Bytes(key.begin(), key.end()), end);
      },
      [&] { present.clear(); });
  // The kernel keeps an end at the beginning of the address space in a set of ranges.
  std::erase_if(present, [](const auto& each) {
    return each.second && std::ranges::all_of(each.first, [](auto byte) { return byte == 0; });
  });
  for (const nft::Element& each : elements_of(set))
    expected.emplace_back(each.key, each.interval_end);
  std::ranges::sort(present);
  std::ranges::sort(expected);
  return present == expected;
}

}  // namespace

bool has_policy_table(nft::Nft& nft, const PolicyTable& wanted) {
  if (!nft.has_table(policy_table()) || !has_rules(nft, wanted)) return false;
  std::vector<std::string> sets = nft.list_sets(policy_table());
  std::ranges::sort(sets);
  if (!std::ranges::equal(sets, wanted.sets, {}, {}, &policy::TableSet::name)) return false;
  return std::ranges::all_of(wanted.sets,
                             [&](const auto& each) { return has_elements(nft, each); });
}

bool remove_policy_table(nft::Nft& nft) {
  if (!nft.has_table(policy_table())) return false;
  nft::Batch batch(policy_table());
  batch.remove_table();
  nft.commit(batch);
  return true;
}

bool PolicyDriver::is_right(nft::Nft& nft) {
  if (!made_) return true;
  const std::uint32_t now = nft.generation();
  if (now == generation_) return true;
  if (!has_policy_table(nft, *made_)) return false;
  generation_ = now;
  return true;
}

/// Returns false when another program has changed the table since the last run.
bool PolicyDriver::commit_difference(nft::Nft& nft, const PolicyTable& wanted) try {
  nft::Batch batch(policy_table());
  add_difference(batch, *made_, wanted);
  nft.commit(batch);
  return true;
} catch (const std::system_error& error) {
  const int code = error.code().value();
  if (code == ENOENT || code == EEXIST || code == EBUSY) return false;
  throw;
}

std::size_t PolicyDriver::run(const PolicyTable& wanted) {
  nft::Nft nft;
  const bool right = made_ ? is_right(nft) : has_policy_table(nft, wanted);
  if (!made_ && right) made_ = wanted;
  if (right && *made_ == wanted) return 0;
  nft::Batch batch(policy_table());
  if (!right || !commit_difference(nft, wanted)) {
    add_replacement(batch, wanted);
    nft.commit(batch);
  }
  made_ = wanted;
  // A transaction of another program in between is noticed by the next look, which compares.
  generation_ = 0;
  return std::max<std::size_t>(batch.size(), 1);
}

}  // namespace agent
