// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/mac_spoof.h"

#include <net/if.h>

#include <algorithm>
#include <stdexcept>

#include "libcni/nft/nft.h"

namespace firewall {
namespace {

using nft::Batch;
using nft::Nft;
using nft::Rule;
using nft::RuleInfo;

constexpr const char* kPrerouting = "PREROUTING";
constexpr std::size_t kCommentMax = 128;
constexpr std::uint32_t kBridgePrerouting =
    0;  // NF_BR_PRE_ROUTING; its header clashes with net/if.h

const nft::Table& table() {
  static const nft::Table kTable{nft::Family::bridge, "nat"};
  return kTable;
}

/// The names that one attachment's objects have.
struct Names {
  explicit Names(const Owner& owner) {
    const std::string id = owner.container_id + "-" + owner.ifname;
    chain = "cni-br-iface-" + id;
    mac_chain = chain + "-mac";
    comment = ("macspoofchk-" + id).substr(0, kCommentMax);
  }
  std::string chain;
  std::string mac_chain;
  std::string comment;
};

/// The rules of the shared chain that jump to `chain`. No rule can jump to a chain that does not
/// exist, so a new attachment need not read the rules of all others.
std::vector<RuleInfo> find_jumps(Nft& nft, const std::string& chain) {
  if (!nft.has_chain(table(), chain)) return {};
  std::vector<RuleInfo> jumps = nft.list_rules(table(), kPrerouting);
  std::erase_if(jumps, [&](const RuleInfo& rule) { return rule.target != chain; });
  return jumps;
}

void put_removal(Nft& nft, Batch& batch, const std::string& chain) {
  for (const RuleInfo& jump : find_jumps(nft, chain)) batch.remove_rule(kPrerouting, jump.handle);
  for (const std::string& each : {chain, chain + "-mac"})
    if (nft.has_chain(table(), each)) batch.remove_chain(each);
}

bool remove_chains(Nft& nft, const std::string& chain) {
  bool existed = false;
  nft::retry_on_conflict([&] {
    Batch batch(table());
    put_removal(nft, batch, chain);
    existed = existed || !batch.empty();
    nft.commit(batch);
  });
  return existed;
}

nft::Bytes padded(const std::string& name) {
  nft::Bytes bytes(name.begin(), name.end());
  bytes.resize(IFNAMSIZ);
  return bytes;
}

[[noreturn]] void missing(const std::string& what) {
  throw std::runtime_error("MAC spoof check: " + what +
                           " is missing from nf_tables table \"bridge nat\"");
}

}  // namespace

void add_mac_spoof_check(const Owner& owner, const std::string& host_name, const base::Mac& mac) {
  const Names names(owner);
  Nft nft;
  nft::retry_on_conflict([&] {
    const std::uint32_t generation = nft.generation();
    Batch batch(table());
    const std::vector<RuleInfo> jumps = find_jumps(nft, names.chain);
    batch.ensure_table({});
    batch.ensure_base_chain(kPrerouting, {"filter", kBridgePrerouting, -300});
    batch.ensure_chain(names.mac_chain);
    // The comment names the network, which the name of the chain does not contain.
    batch.ensure_chain(names.chain, owner_comment(owner));
    for (const RuleInfo& jump : jumps) batch.remove_rule(kPrerouting, jump.handle);
    batch.flush_chain(names.chain);
    batch.flush_chain(names.mac_chain);
    batch.append_rule(names.mac_chain, Rule(names.comment).ether_source(mac).return_to_caller());
    batch.append_rule(names.mac_chain, Rule(names.comment).drop());
    batch.append_rule(names.chain, Rule(names.comment).jump(names.mac_chain));
    batch.append_rule(kPrerouting, Rule(names.comment).input_link(host_name).jump(names.chain));
    // The generation matters only if rules were read.
    nft.commit(batch, jumps.empty() ? std::nullopt : std::optional(generation));
  });
}

bool remove_mac_spoof_check(Nft& nft, const Owner& owner) {
  // Most nodes have no such table; one request shows that.
  if (!nft.has_chain(table(), kPrerouting)) return false;
  return remove_chains(nft, Names(owner).chain);
}

bool remove_mac_spoof_check(const Owner& owner) {
  Nft nft;
  const bool existed = remove_mac_spoof_check(nft, owner);
  if (existed) Nft::settle();
  return existed;
}

void check_mac_spoof_check(const Owner& owner, const std::string& host_name, const base::Mac& mac) {
  const Names names(owner);
  Nft nft;
  const std::vector<RuleInfo> jumps = find_jumps(nft, names.chain);
  if (std::ranges::find(jumps, padded(host_name), &RuleInfo::compared) == jumps.end())
    missing("the jump for link \"" + host_name + "\"");
  const std::vector<RuleInfo> inner = nft.list_rules(table(), names.chain);
  if (inner.empty() || inner.front().target != names.mac_chain)
    missing("chain \"" + names.chain + "\"");
  const std::vector<RuleInfo> rules = nft.list_rules(table(), names.mac_chain);
  if (rules.size() != 2 || rules[0].compared != nft::Bytes(mac.bytes.begin(), mac.bytes.end()))
    missing("the rule for source address " + mac.text());
}

std::function<void()> find_stale_mac_spoof_checks(const std::string& network,
                                                  std::span<const Owner> valid) {
  const StaleComments is_stale(network, valid);
  std::vector<std::string> chains;
  Nft nft;
  for (const nft::ChainInfo& chain : nft.list_chains(table()))
    if (is_stale(chain.comment)) chains.push_back(chain.name);
  return [chains] {
    if (chains.empty()) return;
    Nft late;
    for (const std::string& chain : chains) remove_chains(late, chain);
  };
}

}  // namespace firewall
