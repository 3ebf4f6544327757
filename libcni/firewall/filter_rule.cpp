// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/filter_rule.h"

namespace firewall {
namespace {

using nft::RuleInfo;

constexpr const char* kAccept = "ACCEPT";
constexpr const char* kDrop = "DROP";
constexpr const char* kReturn = "RETURN";

std::string target_of(const RuleInfo& rule) {
  using enum RuleInfo::Verdict;
  if (rule.verdict == accept) return kAccept;
  if (rule.verdict == drop) return kDrop;
  return rule.verdict == give_back ? kReturn : rule.target;
}

bool matches_all(const RuleInfo& present) {
  return !present.has_more && !present.source && !present.destination && present.protocol == 0 &&
         present.mark == 0;
}

bool is_host(const std::optional<base::Prefix>& present,
             const std::optional<base::IpAddress>& wanted) {
  if (!wanted) return !present;
  return present == base::host_prefix(*wanted);
}

/// The rule in nf_tables, as iptables' nf_tables variant writes it.
nft::Rule nft_rule(const FilterRule& rule, const std::string& note) {
  using Match = nft::Rule::Match;
  nft::Rule made;
  if (!note.empty()) made.note(note);
  if (rule.source) made.source(base::host_prefix(*rule.source));
  if (rule.destination) made.destination(base::host_prefix(*rule.destination));
  if (!rule.input_link.empty()) made.input_link(rule.input_link);
  if (!rule.output_link.empty())
    made.output_link(rule.output_link, rule.excludes_output_link ? Match::unequal : Match::equal);
  if (rule.on_known_connections) made.xt_connection_is_known();
  if (!rule.comment.empty()) made.xt_comment(rule.comment);
  made.counter();
  if (rule.target == kAccept)
    made.accept();
  else if (rule.target == kDrop)
    made.drop();
  else if (rule.target == kReturn)
    made.return_to_caller();
  else
    made.jump(rule.target);
  return made;
}

}  // namespace

std::string words_of(const FilterRule& rule) {
  std::string words;
  if (rule.source) words += "-s " + base::host_prefix(*rule.source).text() + " ";
  if (rule.destination) words += "-d " + base::host_prefix(*rule.destination).text() + " ";
  if (!rule.input_link.empty()) words += "-i " + rule.input_link + " ";
  if (!rule.output_link.empty())
    words += std::string(rule.excludes_output_link ? "! " : "") + "-o " + rule.output_link + " ";
  if (rule.on_known_connections) words += "-m conntrack --ctstate RELATED,ESTABLISHED ";
  if (!rule.comment.empty()) words += comment_option(rule.comment) + " ";
  return words + "-j " + rule.target;
}

bool is_same(const RuleInfo& present, const FilterRule& rule) {
  return !present.has_unread && present.protocol == 0 && present.mark == 0 &&
         !present.excludes_destination && target_of(present) == rule.target &&
         is_host(present.source, rule.source) && is_host(present.destination, rule.destination) &&
         present.on_known_connections == rule.on_known_connections &&
         present.input_link == rule.input_link && present.output_link == rule.output_link &&
         present.excludes_output_link == rule.excludes_output_link &&
         present.comment == rule.comment;
}

bool drops_all(const RuleInfo& present) {
  const std::string target = target_of(present);
  return (target == kDrop || target == "REJECT") && matches_all(present);
}

bool accepts_all(const RuleInfo& present) {
  return target_of(present) == kAccept && matches_all(present);
}

/// The batch where the change goes into nf_tables, which this counts in any case.
nft::Batch* FilterEdits::start() {
  ++count_;
  if (variant_ == IptablesVariant::legacy) return nullptr;
  batch_.select(filter_table(family_));
  return &batch_;
}

void FilterEdits::add_chain(const std::string& name) {
  if (nft::Batch* batch = start()) return batch->ensure_chain(name);
  lines_.push_back("-N " + name);
}

void FilterEdits::ensure_forward() {
  nft::Batch* batch = start();
  if (batch == nullptr) return;
  batch->ensure_table({});
  // The default policy is ACCEPT, as iptables sets it.
  batch->ensure_base_chain("FORWARD", nft::forward_filter());
}

void FilterEdits::insert(const FilterRule& rule) {
  if (nft::Batch* batch = start()) return batch->insert_rule(rule.chain, nft_rule(rule, {}));
  lines_.push_back("-I " + rule.chain + " 1 " + words_of(rule));
}

void FilterEdits::append(const FilterRule& rule, const std::string& note) {
  if (nft::Batch* batch = start()) return batch->append_rule(rule.chain, nft_rule(rule, note));
  lines_.push_back("-A " + rule.chain + " " + words_of(rule));
}

void FilterEdits::remove(const FilterRule& rule, const RuleInfo& present) {
  if (nft::Batch* batch = start()) return batch->remove_rule(rule.chain, present.handle);
  lines_.push_back("-D " + rule.chain + " " + words_of(rule));
}

}  // namespace firewall
