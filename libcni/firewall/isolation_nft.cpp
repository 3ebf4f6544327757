// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <stdexcept>

#include "libcni/firewall/isolation.h"

namespace firewall::isolation_nft {
namespace {

using nft::Rule;
using nft::RuleInfo;

constexpr const char* kChain = "isolation";
constexpr const char* kBridges = "isolated_bridges";
constexpr int kBeforeAccept = -1;  // priority: drop before chain `forward` is asked

using IsPresent = std::function<bool(const RuleInfo&)>;

/// Packets that leave the bridge.
IsPresent leaves(const std::string& bridge) {
  return [&bridge](const RuleInfo& rule) {
    return rule.chain == kChain && rule.target == kBridges && rule.input_link == bridge &&
           rule.output_link == bridge && rule.excludes_output_link;
  };
}
/// Packets between ports of the bridge.
IsPresent stays_inside(const std::string& bridge) {
  return [&bridge](const RuleInfo& rule) {
    return rule.chain == kChain && rule.verdict == RuleInfo::Verdict::drop &&
           rule.input_link == bridge && rule.output_link == bridge && !rule.excludes_output_link;
  };
}
/// Packets that enter the bridge from another isolated one.
IsPresent enters(const std::string& bridge) {
  return [&bridge](const RuleInfo& rule) {
    return rule.chain == kBridges && rule.verdict == RuleInfo::Verdict::drop &&
           rule.output_link == bridge;
  };
}

bool has(const std::vector<RuleInfo>& rules, const IsPresent& is_present) {
  return std::ranges::any_of(rules, is_present);
}

}  // namespace

bool put(nft::Batch& batch, const std::vector<RuleInfo>& rules, const Isolation& isolation) {
  const std::string& bridge = isolation.bridge;
  const std::size_t before = batch.size();
  const bool is_new = !has(rules, leaves(bridge)) || !has(rules, enters(bridge));
  if (is_new) {
    batch.ensure_table({});
    batch.ensure_base_chain(kChain, {"filter", nft::forward_filter().hook, kBeforeAccept});
    batch.ensure_chain(kBridges);
  }
  if (!has(rules, enters(bridge))) batch.append_rule(kBridges, Rule().output_link(bridge).drop());
  if (!has(rules, leaves(bridge)))
    batch.append_rule(
        kChain, Rule().input_link(bridge).output_link(bridge, Rule::Match::unequal).jump(kBridges));
  if (isolation.inside && !has(rules, stays_inside(bridge)))
    batch.append_rule(kChain, Rule().input_link(bridge).output_link(bridge).drop());
  if (!isolation.inside)
    for (const RuleInfo& rule : rules)
      if (stays_inside(bridge)(rule)) batch.remove_rule(kChain, rule.handle);
  return batch.size() != before;
}

void check(const std::vector<RuleInfo>& rules, const Isolation& isolation) {
  const std::string& bridge = isolation.bridge;
  const bool complete = has(rules, leaves(bridge)) && has(rules, enters(bridge)) &&
                        (!isolation.inside || has(rules, stays_inside(bridge)));
  if (!complete)
    throw std::runtime_error("the rules that isolate bridge \"" + bridge +
                             "\" are missing from nf_tables table \"cni_plugins_firewall\"");
}

}  // namespace firewall::isolation_nft
