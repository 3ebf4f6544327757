// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/hostport_iptables.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <set>

#include "libcni/base/sys_error.h"
#include "libcni/base/undo.h"
#include "libcni/firewall/hostport_holder.h"
#include "libcni/firewall/hostport_table.h"
#include "libcni/firewall/iptables.h"

namespace firewall {
namespace {

constexpr const char* kDnat = kHostPortEntries;
constexpr const char* kMasq = "CNI-HOSTPORT-MASQ";
constexpr const char* kSetMark = "CNI-HOSTPORT-SETMARK";
constexpr const char* kChainPrefix = kHostPortChainPrefix;
constexpr std::size_t kPortsPerRule = 15;  // of -m multiport
constexpr std::size_t kCommentMax = 255;   // of -m comment

using Lines = std::vector<std::string>;

std::string comment_of(const Owner& owner) {
  std::string comment = "dnat name: \"" + owner.network + "\" id: \"" + owner.container_id + "\"";
  if (comment.size() > kCommentMax) comment = comment.substr(0, kCommentMax - 3) + "...";
  return comment;
}

/// The nat tables of both variants, or of the requested one.
class BothVariants {
 public:
  BothVariants(nft::Nft& nft, int family, std::optional<IptablesVariant> only = {}) {
    for (const IptablesVariant variant : {IptablesVariant::nft, IptablesVariant::legacy})
      if (!only || only == variant) views_.emplace_back(nft, family, variant);
  }
  bool has_chain(const std::string& chain) {
    return std::ranges::any_of(views_, [&](TableView& view) { return view.has_chain(chain); });
  }
  bool has_rule(const std::string& chain, const std::function<bool(const NatRule&)>& wanted) {
    return std::ranges::any_of(views_, [&](TableView& view) {
      return std::ranges::any_of(view.list_rules(chain), wanted);
    });
  }
  bool has_rule(const std::string& chain, const std::string& target, std::uint32_t mark = 0) {
    return has_rule(chain, [&](const NatRule& rule) {
      return rule.target == target && (mark == 0 || rule.mark == mark);
    });
  }

 private:
  std::vector<TableView> views_;
};

/// Adds the chain to `lines` if it is missing.
void ensure_chain(Lines& lines, BothVariants& present, const std::string& chain) {
  if (!present.has_chain(chain)) lines.push_back(":" + chain + " - [0:0]");
}

void ensure_masquerade(Lines& lines, BothVariants& present, int mark_bit) {
  const std::uint32_t mark = 1u << mark_bit;
  char text[32];
  std::snprintf(text, sizeof text, "0x%x/0x%x", mark, mark);
  ensure_chain(lines, present, kSetMark);
  if (!present.has_rule(kSetMark, "MARK", mark))
    lines.push_back(std::string("-A ") + kSetMark + " " +
                    comment_option("CNI portfwd masquerade mark") + " -j MARK --set-xmark " + text);
  ensure_chain(lines, present, kMasq);
  if (!present.has_rule(kMasq, "MASQUERADE", mark))
    lines.push_back(std::string("-A ") + kMasq + " -m mark --mark " + text + " -j MASQUERADE");
  if (!present.has_rule("POSTROUTING", kMasq))
    lines.push_back("-I POSTROUTING 1 " + comment_option("CNI portfwd requiring masquerade") +
                    " -j " + kMasq);
}

/// IPv6 has no route_localnet: a translated connection to ::1 hangs until it times out. Without
/// translation it is refused at once.
void ensure_loopback(Lines& lines, BothVariants& present) {
  const base::Prefix loopback = *base::Prefix::parse("::1/128");
  const auto spares = [&](const NatRule& rule) {
    return rule.destination == loopback && rule.target.empty();
  };
  if (!present.has_rule(kDnat, spares))
    lines.push_back(std::string("-I ") + kDnat + " 1 -d ::1/128 -j RETURN");
}

void ensure_entries(Lines& lines, BothVariants& present, int family) {
  ensure_chain(lines, present, kDnat);
  if (family == AF_INET6) ensure_loopback(lines, present);
  for (const char* hook : {"PREROUTING", "OUTPUT"})
    if (!present.has_rule(hook, kDnat))
      lines.push_back(std::string("-A ") + hook + " -m addrtype --dst-type LOCAL -j " + kDnat);
}

std::string port_match(const HostPort& port) {
  const std::string protocol = port_protocol_name(port.protocol);
  std::string text = port.host_ip ? " -d " + base::host_prefix(*port.host_ip).text() : "";
  return text + " -p " + protocol + " -m " + protocol + " --dport " +
         std::to_string(port.host_port);
}

void add_port(Lines& lines, const IptablesHostPorts& family, const std::string& chain,
              const HostPort& port) {
  const base::Prefix& container = family.ports.container;
  const bool v4 = container.address.is_v4();
  const std::string set_mark = family.set_mark_chain.empty() ? kSetMark : family.set_mark_chain;
  Lines sources;
  if (family.ports.masquerade == HostPortMasquerade::all) sources = {v4 ? "0.0.0.0/0" : "::/0"};
  if (family.ports.masquerade == HostPortMasquerade::local) {
    sources = {container.network().text()};
    if (v4) sources.push_back("127.0.0.1/32");
  }
  for (const std::string& source : sources)
    lines.push_back("-A " + chain + " -s " + source + port_match(port) + " -j " + set_mark);
  const std::string address = v4 ? container.address.text() : "[" + container.address.text() + "]";
  lines.push_back("-A " + chain + port_match(port) + " -j DNAT --to-destination " + address + ":" +
                  std::to_string(port.container_port));
}

/// Entry rules: one per protocol and 15 ports, protocols in alphabetical order.
void add_entries(Lines& lines, const IptablesHostPorts& family, const std::string& chain,
                 const Owner& owner) {
  const bool v4 = family.ports.container.address.is_v4();
  const std::string& options = v4 ? family.conditions.v4 : family.conditions.v6;
  std::map<std::string, std::vector<std::string>> by_protocol;
  for (const HostPort& port : family.listed)
    by_protocol[port_protocol_name(port.protocol)].push_back(std::to_string(port.host_port));
  for (const auto& [protocol, ports] : by_protocol)
    for (std::size_t first = 0; first < ports.size(); first += kPortsPerRule) {
      std::string list;
      for (std::size_t i = first; i < std::min(first + kPortsPerRule, ports.size()); ++i)
        list += (list.empty() ? "" : ",") + ports[i];
      lines.push_back(std::string("-A ") + kDnat + " -p " + protocol + " " +
                      comment_option(comment_of(owner)) + " -m multiport --dports " + list +
                      (options.empty() ? "" : " " + options) + " -j " + chain);
    }
}

NatRemoval removal_of(const std::string& chain) {
  return {.chain = chain, .entry_chain = kDnat};
}

bool has_conditions(const IptablesHostPorts& family) {
  return !(family.ports.container.address.is_v4() ? family.conditions.v4 : family.conditions.v6)
              .empty();
}

void take_over_others(const hostport::Claim& claim, const IptablesHostPorts& family) {
  if (has_conditions(family)) return;
  const nft::Table table = hostport::table_of(family.ports.container.address.family());
  hostport::take_over_elements(claim, family.ports);
  hostport::take_over_rules(claim, family.ports, claim.nft.list_rules(table));
}

void restore_family(nft::Nft& nft, const Owner& owner, const IptablesHostPorts& family) {
  const int address_family = family.ports.container.address.family();
  const std::string chain = iptables_chain(kChainPrefix, owner);
  // The tool sees only the chains of its own variant and needs them there; after a change of
  // variant the chains of the other one are still in force.
  BothVariants present(nft, address_family, find_tool_variant(address_family));
  Lines lines;
  if (family.ports.masquerade != HostPortMasquerade::none && family.set_mark_chain.empty())
    ensure_masquerade(lines, present, family.mark_bit);
  ensure_entries(lines, present, address_family);
  lines.push_back(":" + chain + " - [0:0]");
  for (const HostPort& port : family.ports.ports) add_port(lines, family, chain, port);
  add_entries(lines, family, chain, owner);
  // iptables-restore requires that a chain is declared before the first rule is added.
  std::stable_partition(lines.begin(), lines.end(),
                        [](const std::string& line) { return line.starts_with(':'); });
  restore_nat(address_family, lines);
}

/// Declaring a shared chain empties it (iptables-restore --noflush): an ADD of the reference that
/// declares it at the same moment removes our jump, which is then made again.
void add_family(nft::Nft& nft, const Owner& owner, const IptablesHostPorts& family) {
  constexpr int kTries = 3;
  const int address_family = family.ports.container.address.family();
  bool present = false;
  for (int i = 0; i < kTries && !present; ++i) {
    restore_family(nft, owner, family);
    present = has_iptables_host_ports(nft, owner, address_family);
  }
  const std::string chain = iptables_chain(kChainPrefix, owner);
  if (!present)
    base::throw_errno(std::string("open host ports: ") +
                          (address_family == AF_INET ? "iptables" : "ip6tables") +
                          "-restore reported success, but chain " + chain +
                          " of table nat, or a jump to it, is missing",
                      EIO);
}

}  // namespace

void add_iptables_host_ports(nft::Nft& nft, const Owner& owner,
                             std::span<const IptablesHostPorts> families, const IsDead& is_dead) {
  const hostport::Claim claim{nft, owner, is_dead};
  for (const IptablesHostPorts& family : families) take_over_others(claim, family);
  // Entry rules cannot be compared with the desired ones, so a repetition replaces them.
  for (const IptablesHostPorts& family : families)
    if (has_iptables_host_ports(nft, owner, family.ports.container.address.family()))
      remove_iptables_host_ports(nft, owner);
  base::Undo undo;
  undo.add("close the host ports", [&] { remove_iptables_host_ports(nft, owner); });
  for (const IptablesHostPorts& family : families) add_family(nft, owner, family);
  undo.commit();
}

bool remove_iptables_host_ports(nft::Nft& nft, const Owner& owner) {
  const std::array removals{
      removal_of(iptables_chain(kChainPrefix, owner)),
      NatRemoval{.chain = iptables_chain("CNI-SN-", owner), .entry_chain = "CNI-HOSTPORT-SNAT"}};
  return remove_nat_chains(nft, removals);
}

bool has_iptables_host_ports(nft::Nft& nft, const Owner& owner, int family) {
  const std::string chain = iptables_chain(kChainPrefix, owner);
  BothVariants present(nft, family);
  return present.has_chain(chain) && present.has_rule(kDnat, chain);
}

std::optional<HostPort> find_missing_iptables_host_port(nft::Nft& nft, const Owner& owner,
                                                        const HostPorts& ports) {
  const std::string chain = iptables_chain(kChainPrefix, owner);
  BothVariants present(nft, ports.container.address.family());
  const auto is_led = [&](const HostPort& port) {
    const bool entered = present.has_rule(kDnat, [&](const NatRule& rule) {
      return rule.target == chain && rule.protocol == port.protocol &&
             std::ranges::find(rule.ports, port.host_port) != rule.ports.end();
    });
    return entered && present.has_rule(chain, [&](const NatRule& rule) {
      return rule.protocol == port.protocol && rule.port == port.host_port &&
             rule.translated_to == ports.container.address &&
             rule.translated_port == port.container_port &&
             (!port.host_ip || rule.destination == base::host_prefix(*port.host_ip));
    });
  };
  const auto missing = std::ranges::find_if_not(ports.ports, is_led);
  return missing == ports.ports.end() ? std::nullopt : std::optional(*missing);
}

bool has_nat_chain(nft::Nft& nft, int family, const std::string& chain) {
  return BothVariants(nft, family).has_chain(chain);
}

std::function<void()> find_stale_iptables_host_ports(nft::Nft& nft, const std::string& network,
                                                     std::span<const Owner> valid) {
  std::set<std::string> keep;
  for (const Owner& owner : valid) keep.insert(iptables_chain(kChainPrefix, owner));
  const std::string ours = "dnat name: \"" + network + "\" id: \"";
  std::set<std::string> stale;
  for (const int family : {AF_INET, AF_INET6})
    for (const IptablesVariant variant : {IptablesVariant::nft, IptablesVariant::legacy}) {
      TableView view(nft, family, variant);
      for (const NatRule& rule : view.list_rules(kDnat))
        if (rule.comment.starts_with(ours) && !keep.contains(rule.target))
          stale.insert(rule.target);
    }
  return [&nft, stale] {
    std::vector<NatRemoval> removals;
    for (const std::string& chain : stale) removals.push_back(removal_of(chain));
    if (!removals.empty()) remove_nat_chains(nft, removals);
  };
}

}  // namespace firewall
