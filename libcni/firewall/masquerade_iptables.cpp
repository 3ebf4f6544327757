// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/masquerade_iptables.h"

#include <sys/socket.h>

#include <algorithm>
#include <set>
#include <vector>

#include "libcni/base/sys_error.h"
#include "libcni/firewall/iptables.h"

namespace firewall::masquerade_iptables {
namespace {

constexpr const char* kPostrouting = "POSTROUTING";
constexpr const char* kChainPrefix = "CNI-";

std::string comment_of(const Owner& owner) {
  return "name: \"" + owner.network + "\" id: \"" + owner.container_id + "\"";
}

NatRemoval removal_of(const std::string& chain, std::span<const base::Prefix> addresses) {
  return {.chain = chain,
          .entry_chain = kPostrouting,
          .only = std::vector<base::Prefix>(addresses.begin(), addresses.end())};
}

/// The present contents of a container's chain, in either variant.
struct Present {
  bool chain = false;
  bool masquerades = false;
  std::vector<NatRule> rules;
  std::vector<NatRule> jumps;
};

Present find_present(nft::Nft& nft, int family, const std::string& chain) {
  Present present;
  for (const IptablesVariant variant : {IptablesVariant::nft, IptablesVariant::legacy}) {
    TableView view(nft, family, variant);
    if (!view.has_chain(chain)) continue;
    present.chain = true;
    present.rules = view.list_rules(chain);
    for (NatRule& rule : view.list_rules(kPostrouting))
      if (rule.target == chain) present.jumps.push_back(std::move(rule));
  }
  present.masquerades = std::ranges::any_of(
      present.rules, [](const NatRule& rule) { return rule.target == "MASQUERADE"; });
  return present;
}

bool accepts(const Present& present, const base::Prefix& address) {
  return std::ranges::any_of(present.rules, [&](const NatRule& rule) {
    return rule.target != "MASQUERADE" && rule.destination == address.network() &&
           !rule.excludes_destination;
  });
}

bool jumps(const Present& present, const base::Prefix& address) {
  return std::ranges::any_of(present.jumps, [&](const NatRule& rule) {
    return rule.source == base::host_prefix(address.address);
  });
}

std::vector<std::string> lines_for(const Owner& owner, const Present& present, int family,
                                   std::span<const base::Prefix> addresses) {
  const std::string chain = iptables_chain(kChainPrefix, owner);
  const std::string comment = " " + comment_option(comment_of(owner));
  std::vector<std::string> lines;
  if (!present.chain) lines.push_back(":" + chain + " - [0:0]");
  for (const base::Prefix& address : addresses) {
    if (accepts(present, address)) continue;
    // The subnet of a second interface must come before the rule that masquerades everything else.
    const std::string where = present.masquerades ? "-I " + chain + " 1" : "-A " + chain;
    lines.push_back(where + " -d " + address.network().text() + comment + " -j ACCEPT");
  }
  if (!present.masquerades)
    lines.push_back("-A " + chain + " ! -d " + (family == AF_INET ? "224.0.0.0/4" : "ff00::/8") +
                    comment + " -j MASQUERADE");
  for (const base::Prefix& address : addresses)
    if (!jumps(present, address))
      lines.push_back("-A POSTROUTING -s " + address.address.text() + comment + " -j " + chain);
  return lines;
}

/// The tool reports success although it could not read its input (iptables 1.8.9).
void require_all(nft::Nft& nft, const Owner& owner, std::span<const base::Prefix> addresses) {
  for (const base::Prefix& address : addresses)
    if (!has(nft, owner, address))
      base::throw_errno("add the masquerade of " + address.text() + ": " +
                            (address.address.is_v4() ? "iptables" : "ip6tables") +
                            "-restore reported success, but chain " +
                            iptables_chain(kChainPrefix, owner) +
                            " of table nat, or a jump to it, is missing",
                        EIO);
}

/// The container ID in `name: "<network>" id: "<id>"` when it is about `network`.
std::optional<std::string> container_in(const std::string& comment, const std::string& network) {
  const std::string begin = "name: \"" + network + "\" id: \"";
  if (!comment.starts_with(begin) || !comment.ends_with('"')) return std::nullopt;
  return comment.substr(begin.size(), comment.size() - begin.size() - 1);
}

}  // namespace

void add(nft::Nft& nft, const Owner& owner, std::span<const base::Prefix> addresses) {
  for (const int family : {AF_INET, AF_INET6}) {
    std::vector<base::Prefix> of_family;
    std::ranges::copy_if(
        addresses, std::back_inserter(of_family),
        [&](const base::Prefix& address) { return address.address.family() == family; });
    if (of_family.empty()) continue;
    const Present present = find_present(nft, family, iptables_chain(kChainPrefix, owner));
    const std::vector<std::string> lines = lines_for(owner, present, family, of_family);
    restore_nat(family, lines);
    if (!lines.empty()) require_all(nft, owner, of_family);
  }
}

bool remove(nft::Nft& nft, const Owner& owner, std::span<const base::Prefix> addresses) {
  const NatRemoval removal = removal_of(iptables_chain(kChainPrefix, owner), addresses);
  return remove_nat_chains(nft, {&removal, 1});
}

bool has(nft::Nft& nft, const Owner& owner, const base::Prefix& address) {
  const Present present =
      find_present(nft, address.address.family(), iptables_chain(kChainPrefix, owner));
  return present.masquerades && accepts(present, address) && jumps(present, address);
}

std::set<std::string> list_stale(nft::Nft& nft, const std::string& network,
                                 const std::function<bool(std::string_view)>& valid) {
  std::set<std::string> stale;
  for (const int family : {AF_INET, AF_INET6})
    for (const IptablesVariant variant : {IptablesVariant::nft, IptablesVariant::legacy}) {
      TableView view(nft, family, variant);
      for (const std::string& chain : view.list_chains()) {
        if (!chain.starts_with(kChainPrefix)) continue;
        const std::vector<NatRule> rules = view.list_rules(chain);
        const auto id = rules.empty() ? std::nullopt : container_in(rules.front().comment, network);
        if (id && !valid(*id)) stale.insert(chain);
      }
    }
  return stale;
}

void collect(nft::Nft& nft, const std::set<std::string>& chains) {
  std::vector<NatRemoval> removals;
  for (const std::string& chain : chains) removals.push_back(removal_of(chain, {}));
  if (!removals.empty()) remove_nat_chains(nft, removals);
}

}  // namespace firewall::masquerade_iptables
