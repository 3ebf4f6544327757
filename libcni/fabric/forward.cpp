// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/forward.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <functional>

#include "libcni/fabric/traffic.h"
#include "libcni/firewall/forward_chains.h"
#include "libcni/firewall/iptables.h"
#include "libcni/nft/nft.h"

namespace fabric {
namespace {

using nft::Batch;
using nft::Nft;
using nft::Rule;
using nft::RuleInfo;
using nft::Table;
using What = Change::What;

constexpr const char* kChain = "FORWARD";

std::string comment_of(const std::string& scope) {
  return "plumb: cluster traffic" + (scope.empty() ? "" : " of " + scope);
}

/// An ACCEPT rule for packets from a range or to it.
struct Accept {
  std::optional<base::Prefix> source = {};
  std::optional<base::Prefix> destination = {};
  bool operator==(const Accept&) const = default;
};

/// Ranges whose packets are to be forwarded, few enough to have a rule each.
std::vector<base::Prefix> forwarded_ranges(const std::optional<Traffic>& traffic) {
  constexpr std::size_t kFew = 16;  // a chain is walked for each packet
  if (!traffic) return {};
  std::vector<base::Prefix> ranges = traffic->cluster_ranges;
  if (ranges.size() > kFew) ranges.clear();
  for (const base::Prefix& own : traffic->own_ranges)
    if (!base::any_contains(ranges, own)) ranges.push_back(own);
  return ranges;
}

std::vector<Accept> wanted_accepts(const std::optional<Traffic>& traffic, int family) {
  std::vector<Accept> accepts;
  for (const base::Prefix& range : forwarded_ranges(traffic)) {
    if (range.address.family() != family) continue;
    accepts.push_back({.source = range.network()});
    accepts.push_back({.destination = range.network()});
  }
  return accepts;
}

/// A plan from an old list, which is not `complete`, may lack ranges of existing nodes.
std::vector<Accept> with_present(bool complete, const std::vector<Accept>& present,
                                 std::vector<Accept> wanted) {
  if (complete) return wanted;
  std::vector<Accept> all = present;
  for (Accept& accept : wanted)
    if (std::ranges::find(present, accept) == present.end()) all.push_back(std::move(accept));
  return all;
}

std::string describe(int family, const char* variant) {
  return std::string(family == AF_INET ? "iptables" : "ip6tables") + " (" + variant +
         ") rules in FORWARD";
}

What what_of(const std::vector<Accept>& present, const std::vector<Accept>& wanted) {
  if (present.empty()) return What::add;
  return wanted.empty() ? What::remove : What::replace;
}

/// The chain of iptables' nf_tables variant, or of an nft file that took over its names.
void ensure_nft(Run& run, Nft& nft, int family, const std::vector<Accept>& accepts) {
  const Table table{nft::family_of(family), "filter"};
  const std::string comment = comment_of(run.scope());
  nft::retry_on_conflict([&] {
    const std::uint32_t generation = run.is_dry() ? 0 : nft.generation();
    if (!nft.has_chain(table, kChain)) return;
    Batch batch(table);
    std::vector<Accept> present;
    for (const RuleInfo& rule : nft.list_rules(table, kChain)) {
      if (rule.comment != comment) continue;
      present.push_back({rule.source, rule.destination});
      batch.remove_rule(kChain, rule.handle);
    }
    const std::vector<Accept> wanted = with_present(run.removes(), present, accepts);
    if (present == wanted) return;
    for (const Accept& accept : wanted) {
      Rule rule(comment);
      if (accept.source) rule.source(*accept.source);
      if (accept.destination) rule.destination(*accept.destination);
      batch.append_rule(kChain, rule.counter().accept());
    }
    run.commit(batch, generation);
    run.change(
        what_of(present, wanted), describe(family, "nft"), [] {}, run.is_dry() ? 0 : batch.size());
  });
}

std::string line_of(const Accept& accept, const std::string& comment) {
  return (accept.source ? "-s " + accept.source->text() : "-d " + accept.destination->text()) +
         " " + firewall::comment_option(comment) + " -j ACCEPT";
}

/// Our rules that are present; empty where the chain is missing.
std::optional<std::vector<Accept>> find_legacy(int family, const std::string& comment) {
  const std::vector<firewall::NatChain> chains = firewall::read_legacy_filter(family);
  const auto chain = std::ranges::find(chains, kChain, &firewall::NatChain::name);
  if (chain == chains.end()) return std::nullopt;
  std::vector<Accept> present;
  for (const firewall::NatRule& rule : chain->rules)
    if (rule.comment == comment && (rule.source || rule.destination))
      present.push_back({rule.source, rule.destination});
  return present;
}

void ensure_legacy(Run& run, int family, const std::vector<Accept>& accepts) {
  const std::string comment = comment_of(run.scope());
  const auto found = find_legacy(family, comment);
  if (!found) return;
  const std::vector<Accept>& present = *found;
  const std::vector<Accept> wanted = with_present(run.removes(), present, accepts);
  if (present == wanted) return;
  std::vector<std::string> lines;
  for (const Accept& accept : present)
    lines.push_back(std::string("-D ") + kChain + " " + line_of(accept, comment));
  for (const Accept& accept : wanted)
    lines.push_back(std::string("-A ") + kChain + " " + line_of(accept, comment));
  run.change(what_of(present, wanted), describe(family, "legacy"),
             [&] { firewall::restore_legacy_filter(family, lines); });
}

void ensure_each(Run& run, const std::optional<Traffic>& traffic, const char* variant,
                 const std::function<void(int, const std::vector<Accept>&)>& ensure) {
  for (const int family : {AF_INET, AF_INET6}) try {
      ensure(family, wanted_accepts(traffic, family));
    } catch (const std::system_error& e) {
      run.recorder().fail(describe(family, variant), e);
    }
}

bool is_right(const Desired& desired, int family, const std::vector<Accept>& present) {
  return with_present(desired.complete, present, wanted_accepts(desired.traffic, family)) ==
         present;
}

/// The `ranges` whose packets go through the chain.
std::vector<base::Prefix> ranges_in(const firewall::DroppingChain& chain,
                                    std::vector<base::Prefix> ranges) {
  std::erase_if(ranges, [&](const base::Prefix& range) {
    return chain.table.family != nft::Family::inet &&
           chain.table.family != nft::family_of(range.address.family());
  });
  for (base::Prefix& range : ranges) range = range.network();
  return ranges;
}

bool is_accepted(const firewall::DroppingChain& chain, const base::Prefix& range) {
  return base::any_contains(chain.accepted_sources, range) &&
         base::any_contains(chain.accepted_destinations, range);
}

}  // namespace

bool has_forward_rules(Nft& nft, const Desired& desired) {
  const std::string comment = comment_of(desired.scope);
  for (const int family : {AF_INET, AF_INET6}) {
    const Table table{nft::family_of(family), "filter"};
    if (!nft.has_chain(table, kChain)) continue;
    std::vector<Accept> present;
    for (const RuleInfo& rule : nft.list_rules(table, kChain))
      if (rule.comment == comment) present.push_back({rule.source, rule.destination});
    if (!is_right(desired, family, present)) return false;
  }
  return true;
}

bool has_legacy_forward_rules(const Desired& desired) {
  return std::ranges::all_of(std::array{AF_INET, AF_INET6}, [&](int family) {
    const auto present = find_legacy(family, comment_of(desired.scope));
    return !present || is_right(desired, family, *present);
  });
}

std::vector<ForwardDrop> list_forward_guards(Nft& nft, const std::optional<Traffic>& traffic) {
  std::vector<ForwardDrop> guards;
  const std::vector<base::Prefix> ranges = forwarded_ranges(traffic);
  for (firewall::DroppingChain& chain : firewall::list_dropping_forward_chains(nft)) {
    std::vector<base::Prefix> here = ranges_in(chain, ranges);
    if (!here.empty() && !chain.is_of_iptables())
      guards.push_back({std::move(chain.table), std::move(chain.name), std::move(here)});
  }
  return guards;
}

std::vector<ForwardDrop> find_forward_drops(Nft& nft, const std::optional<Traffic>& traffic) {
  std::vector<ForwardDrop> drops;
  const std::vector<base::Prefix> ranges = forwarded_ranges(traffic);
  if (ranges.empty()) return drops;
  for (firewall::DroppingChain& chain : firewall::list_dropping_forward_chains(nft)) {
    std::vector<base::Prefix> dropped = ranges_in(chain, ranges);
    std::erase_if(dropped, [&](const base::Prefix& range) { return is_accepted(chain, range); });
    if (!dropped.empty())
      drops.push_back({std::move(chain.table), std::move(chain.name), std::move(dropped)});
  }
  return drops;
}

void ensure_forward_rules(Run& run, const std::optional<Traffic>& traffic) {
  ensure_each(run, traffic, "nft", [&](int family, const std::vector<Accept>& accepts) {
    ensure_nft(run, run.nft(), family, accepts);
  });
}

void ensure_legacy_forward_rules(Run& run, const std::optional<Traffic>& traffic) {
  ensure_each(run, traffic, "legacy", [&](int family, const std::vector<Accept>& accepts) {
    ensure_legacy(run, family, accepts);
  });
}

}  // namespace fabric
