// SPDX-License-Identifier: Apache-2.0
#include "agent/plan/admit_former.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "libcni/json/object.h"

namespace agent {
namespace {

/// Limits the list of problems: a broken source can cause 16 for each of 5000 nodes.
constexpr std::size_t kMostProblems = 100;

std::size_t find_self(std::span<const fabric::Node> listed, const std::string& self) {
  if (self.empty()) return listed.size();
  const auto found = std::ranges::find(listed, self, &fabric::Node::name);
  return static_cast<std::size_t>(found - listed.begin());
}

std::vector<Claim> claims_of(std::span<const fabric::Node> listed) {
  std::vector<Claim> claims;
  claims.reserve(2 * listed.size());
  for (std::size_t i = 0; i < listed.size(); ++i) {
    for (const base::IpAddress& address : listed[i].addresses)
      claims.push_back({base::host_prefix(address), i});
    for (const base::Prefix& range : listed[i].ranges) claims.push_back({range.network(), i});
  }
  return claims;
}

class FormerAdmission {
 public:
  FormerAdmission(std::span<fabric::Node> listed, const AdmitRules& rules)
      : listed_(listed),
        rules_(rules),
        self_(find_self(listed, rules.self)),
        all_(claims_of(listed)) {}

  std::vector<std::string> run(const std::vector<bool>& admitted) {
    if (self_ < listed_.size() && admitted[self_]) look_at(self_);
    const std::vector<Claim> own = std::exchange(candidates_, {});
    own_.emplace(own);
    for (std::size_t i = 0; i < listed_.size(); ++i)
      if (i != self_ && admitted[i] && !listed_[i].former_ranges.empty()) look_at(i);
    const ClaimIndex contested(candidates_);
    for (const Claim& claim : own) give(claim);
    for (const Claim& claim : candidates_)
      if (const Claim* rival = contested.find_other(claim.prefix, claim.node))
        refuse(claim, "is a former range of node " + name_of(rival->node) +
                          ", too: neither has it, and pods with addresses of it are cut off");
      else
        give(claim);
    for (fabric::Node& node : listed_)
      if (!node.former_ranges.empty()) node.former_ranges = {};
    if (hidden_ > 0)
      problems_.push_back("and " + std::to_string(hidden_) + " more former ranges are refused");
    return std::move(problems_);
  }

 private:
  std::string name_of(std::size_t node) const { return json::quote(listed_[node].name); }

  /// Refuses former ranges of the node at once, or makes them candidates.
  void look_at(std::size_t i) {
    const fabric::Node& node = listed_[i];
    const std::size_t count = std::min(node.former_ranges.size(), fabric::kMostFormerRanges);
    for (std::size_t at = 0; at < count; ++at) {
      const Claim claim{node.former_ranges[at].network(), i};
      if (std::ranges::find(node.ranges, claim.prefix) != node.ranges.end()) continue;
      if (const std::string problem = problem_of(claim); !problem.empty())
        refuse(claim, problem);
      else
        candidates_.push_back(claim);
    }
    if (count < node.former_ranges.size())
      complain("node " + name_of(i) + ": former ranges after the first " +
               std::to_string(fabric::kMostFormerRanges) + " are refused");
  }

  std::string problem_of(const Claim& claim) const {
    if (const std::string rule = rule_broken_by(claim); !rule.empty())
      return rule + ": it is refused";
    const Claim* other = all_.find_other(claim.prefix, claim.node);
    if (other == nullptr && own_) other = own_->find_other(claim.prefix, claim.node);
    if (other == nullptr) return {};
    const auto& addresses = listed_[other->node].addresses;
    const bool is_address = other->prefix.length == other->prefix.address.bits() &&
                            std::ranges::find(addresses, other->prefix.address) != addresses.end();
    const std::string what = is_address ? "covers the address " + other->prefix.address.text()
                                        : "overlaps " + other->prefix.text();
    return what + " of node " + name_of(other->node) +
           " now: pods with addresses of it are cut off";
  }

  std::string rule_broken_by(const Claim& claim) const {
    // This node's pods have addresses of it, whatever the cluster's ranges have become.
    if (claim.node == self_)
      return problem_of_range(claim.prefix, {.node_subnets = rules_.node_subnets});
    if (rules_.cluster_ranges.empty())
      return "may be of a foreign network: network.ranges is not set";
    return problem_of_range(claim.prefix, rules_);
  }

  void give(const Claim& claim) {
    auto& ranges = listed_[claim.node].ranges;
    if (std::ranges::find(ranges, claim.prefix) == ranges.end()) ranges.push_back(claim.prefix);
  }
  void refuse(const Claim& claim, const std::string& why) {
    complain("node " + name_of(claim.node) + ": range " + claim.prefix.text() +
             ", which it had before, " + why);
  }
  void complain(std::string problem) {
    if (problems_.size() < kMostProblems)
      problems_.push_back(std::move(problem));
    else
      ++hidden_;
  }

  std::span<fabric::Node> listed_;
  const AdmitRules& rules_;
  const std::size_t self_;
  const ClaimIndex all_;
  std::optional<ClaimIndex> own_;  ///< this node's former ranges
  std::vector<Claim> candidates_;
  std::vector<std::string> problems_;
  std::size_t hidden_ = 0;
};

}  // namespace

std::vector<std::string> admit_former(std::span<fabric::Node> listed,
                                      const std::vector<bool>& admitted, const AdmitRules& rules) {
  if (std::ranges::all_of(listed, &std::vector<base::Prefix>::empty, &fabric::Node::former_ranges))
    return {};
  return FormerAdmission(listed, rules).run(admitted);
}

}  // namespace agent
