// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/isolation.h"

#include <algorithm>
#include <string_view>

#include "libcni/firewall/forward_rules.h"

namespace firewall::isolation_iptables {
namespace {

using nft::RuleInfo;

constexpr const char* kForward = "FORWARD";
constexpr const char* kStage1 = "CNI-ISOLATION-STAGE-1";
constexpr const char* kStage2 = "CNI-ISOLATION-STAGE-2";
constexpr const char* kShared = "CNI firewall plugin rules (ingressPolicy: same-bridge|isolated)";
constexpr std::string_view kAnyComment = "CNI firewall plugin rules (ingressPolicy: ";

const char* comment_of(const Isolation& isolation) {
  return isolation.inside ? "CNI firewall plugin rules (ingressPolicy: isolated)"
                          : "CNI firewall plugin rules (ingressPolicy: same-bridge)";
}

FilterRule entry_rule() {
  return {.chain = kForward, .target = kStage1, .comment = kShared};
}
FilterRule leave_rule(const Isolation& isolation) {
  return {.chain = kStage1,
          .target = kStage2,
          .input_link = isolation.bridge,
          .output_link = isolation.bridge,
          .excludes_output_link = true,
          .comment = comment_of(isolation)};
}
FilterRule inside_rule(const Isolation& isolation) {
  return {.chain = kStage1,
          .target = "DROP",
          .input_link = isolation.bridge,
          .output_link = isolation.bridge,
          .comment = comment_of({.bridge = isolation.bridge, .inside = true})};
}
FilterRule enter_rule(const Isolation& isolation) {
  return {.chain = kStage2, .target = "DROP", .output_link = isolation.bridge, .comment = kShared};
}
FilterRule return_rule(const char* chain) {
  return {.chain = chain, .target = "RETURN", .comment = kShared};
}

/// Releases of the reference have different comments, and so have its two policies.
bool is_match(const RuleInfo& present, FilterRule rule) {
  if (!present.comment.starts_with(kAnyComment)) return false;
  rule.comment = present.comment;
  return is_same(present, rule);
}

const RuleInfo* find(const std::vector<RuleInfo>& present, const FilterRule& rule) {
  const auto found =
      std::ranges::find_if(present, [&](const RuleInfo& each) { return is_match(each, rule); });
  return found == present.end() ? nullptr : &*found;
}

/// Returns whether packets get to stage 1 before a rule accepts or drops all of them.
bool comes_first(const std::vector<RuleInfo>& forward) {
  for (const RuleInfo& rule : forward) {
    if (is_match(rule, entry_rule())) return true;
    if (rule.target == kPodsChain || drops_all(rule) || accepts_all(rule)) return false;
  }
  return false;
}

/// Removes the jumps from FORWARD. Returns whether there were any.
bool remove_entries(FilterEdits& edits, const std::vector<RuleInfo>& forward) {
  bool existed = false;
  for (const RuleInfo& rule : forward) {
    if (!is_match(rule, entry_rule())) continue;
    FilterRule present = entry_rule();
    present.comment = rule.comment;
    edits.remove(present, rule);
    existed = true;
  }
  return existed;
}

}  // namespace

void put(FilterEdits& edits, TableView& view, const Isolation& isolation, bool entry_is_new) {
  const std::vector<RuleInfo> stage1 = view.list_rules(kStage1);
  const std::vector<RuleInfo> stage2 = view.list_rules(kStage2);
  for (const char* chain : {kStage1, kStage2})
    if (!view.has_chain(chain)) edits.add_chain(chain);
  const std::vector<RuleInfo> forward = view.list_rules(kForward);
  if (entry_is_new || !comes_first(forward)) {
    remove_entries(edits, forward);
    edits.insert(entry_rule());
  }
  if (find(stage1, leave_rule(isolation)) == nullptr) edits.insert(leave_rule(isolation));
  const RuleInfo* inside = find(stage1, inside_rule(isolation));
  if (isolation.inside && inside == nullptr) edits.insert(inside_rule(isolation));
  if (!isolation.inside && inside != nullptr) edits.remove(inside_rule(isolation), *inside);
  if (find(stage2, enter_rule(isolation)) == nullptr) edits.insert(enter_rule(isolation));
  if (find(stage1, return_rule(kStage1)) == nullptr) edits.append(return_rule(kStage1));
  if (find(stage2, return_rule(kStage2)) == nullptr) edits.append(return_rule(kStage2));
}

void keep_first(FilterEdits& edits, TableView& view) {
  if (remove_entries(edits, view.list_rules(kForward))) edits.insert(entry_rule());
}

std::string find_fault(TableView& view, const Isolation& isolation) {
  std::vector<FilterRule> wanted{leave_rule(isolation), enter_rule(isolation)};
  if (isolation.inside) wanted.push_back(inside_rule(isolation));
  for (const FilterRule& rule : wanted)
    if (find(view.list_rules(rule.chain), rule) == nullptr) return missing_text(rule, view);
  const std::vector<RuleInfo> forward = view.list_rules(kForward);
  if (find(forward, entry_rule()) == nullptr) return missing_text(entry_rule(), view);
  if (!comes_first(forward)) return not_reached_text(entry_rule(), view);
  return {};
}

}  // namespace firewall::isolation_iptables
