// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/mac_spoof.h"

#include <algorithm>
#include <vector>

#include "libcni/base/sys_error.h"
#include "libcni/net/nft.h"

namespace net {
namespace {

using nft::Batch;
using nft::Nft;
using nft::Rule;
using nft::RuleInfo;

constexpr const char* kEntry = "PREROUTING";
/// Of a bridge-family chain: before the bridge decides (linux/netfilter_bridge.h:
/// NF_BR_PRI_NAT_DST_BRIDGED).
constexpr std::int32_t kPriority = -300;

const nft::Table& table() {
  static const nft::Table kTable{nft::Family::bridge, "nat"};
  return kTable;
}

std::string comment_of(const std::string& id) {
  return "macspoofchk-" + id;
}
std::string chain_of(const std::string& id) {
  return "cni-br-iface-" + id;
}
std::string mac_chain_of(const std::string& id) {
  return chain_of(id) + "-mac";
}

std::string id_of(const Owner& owner) {
  return owner.container_id + "-" + owner.ifname;
}

/// Takes rules and chains of `id` out of the table as `rules` lists it. Returns whether there were
/// any.
bool put_removal(Batch& batch, const std::vector<RuleInfo>& rules, const std::string& id) {
  bool found = false;
  for (const RuleInfo& rule : rules) {
    if (rule.chain == kEntry && rule.target == chain_of(id)) {
      batch.remove_rule(kEntry, rule.handle);
      found = true;
    }
  }
  for (const std::string& chain : {chain_of(id), mac_chain_of(id)}) {
    if (std::ranges::find(rules, chain, &RuleInfo::chain) == rules.end()) continue;
    batch.remove_chain(chain);
    found = true;
  }
  return found;
}

}  // namespace

void add_mac_spoof_check(const Owner& owner, const std::string& host_name, const base::Mac& mac) {
  const std::string id = id_of(owner);
  Nft nft;
  nft::retry_on_conflict([&] {
    const std::uint32_t generation = nft.generation();
    Batch batch(table());
    batch.ensure_table({});
    batch.ensure_base_chain(kEntry, {.type = "filter", .hook = 0, .priority = kPriority});
    const bool known = put_removal(batch, nft.list_rules(table()), id);
    batch.ensure_chain(chain_of(id));
    batch.ensure_chain(mac_chain_of(id));
    batch.append_rule(chain_of(id), std::move(Rule(comment_of(id)).jump(mac_chain_of(id))));
    batch.append_rule(mac_chain_of(id),
                      std::move(Rule(comment_of(id)).ether_source(mac).return_to_caller()));
    // The last rule names the network, which the reference's names leave out: GC goes by it.
    batch.append_rule(mac_chain_of(id), std::move(Rule(owner_comment(owner)).drop()));
    batch.append_rule(kEntry,
                      std::move(Rule(comment_of(id)).input_link(host_name).jump(chain_of(id))));
    nft.commit(batch, known ? std::optional(generation) : std::nullopt);
  });
}

bool remove_mac_spoof_check(const Owner& owner) {
  bool existed = false;
  Nft nft;
  nft::retry_on_conflict([&] {
    Batch batch(table());
    existed = put_removal(batch, nft.list_rules(table()), id_of(owner)) || existed;
    nft.commit(batch);
  });
  return existed;
}

void check_mac_spoof_check(const Owner& owner, const std::string& host_name, const base::Mac& mac) {
  const std::string id = id_of(owner);
  const auto rules = Nft().list_rules(table());
  const auto in = [&](const std::string& chain) {
    return std::ranges::count(rules, chain, &RuleInfo::chain);
  };
  const bool entered = std::ranges::any_of(rules, [&](const RuleInfo& rule) {
    return rule.chain == kEntry && rule.target == chain_of(id);
  });
  if (!entered || in(chain_of(id)) != 1 || in(mac_chain_of(id)) != 2)
    base::throw_errno("find the MAC spoof check of link " + host_name + " for " + mac.text(),
                      ENOENT);
}

void gc_mac_spoof_checks(const std::string& network, std::span<const Owner> valid) {
  const std::string hash = network_hash(network);
  Nft nft;
  nft::retry_on_conflict([&] {
    Batch batch(table());
    const auto rules = nft.list_rules(table());
    for (const RuleInfo& rule : rules) {
      if (!rule.comment.starts_with(hash) || !rule.chain.ends_with("-mac")) continue;
      if (std::ranges::any_of(valid,
                              [&](const Owner& owner) { return is_owned_by(rule.comment, owner); }))
        continue;
      const std::string chain =
          rule.chain.substr(0, rule.chain.size() - std::string("-mac").size());
      put_removal(batch, rules, chain.substr(chain_of({}).size()));
    }
    nft.commit(batch);
  });
}

}  // namespace net
