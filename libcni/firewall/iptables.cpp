// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/iptables.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "libcni/base/subprocess.h"
#include "libcni/base/sys_error.h"
#include "libcni/firewall/hostport.h"

namespace firewall {
namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string search_path() {
  const char* path = ::getenv("PATH");
  return path != nullptr && *path != '\0' ? path : kDefaultPath;
}

std::optional<std::string> find_program(const std::string& name) {
  const std::string path = search_path() + ":";
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = path.find(':', begin);
    const std::string candidate = path.substr(begin, end - begin) + "/" + name;
    if (end > begin && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    begin = end + 1;
  }
  return std::nullopt;
}

/// `action` is "save" or "restore".
std::string program_for(int family, std::optional<IptablesVariant> variant,
                        const std::string& action = "restore") {
  const std::string tool = family == AF_INET ? "iptables" : "ip6tables";
  if (variant == IptablesVariant::legacy)
    if (const auto legacy = find_program(tool + "-legacy-" + action)) return *legacy;
  if (const auto found = find_program(tool + "-" + action)) return *found;
  base::throw_errno("find " + tool + "-" + action + " in $PATH, which the iptables backend needs",
                    ENOENT);
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

bool is_from(const NatRule& rule, const std::vector<base::Prefix>& only) {
  if (only.empty() || !rule.source) return true;
  return std::ranges::any_of(only, [&](const base::Prefix& address) {
    return rule.source == base::host_prefix(address.address) || rule.source == address.network();
  });
}

/// The rules of the entry chain that jump to the removal's chain, and whether no other rule jumps
/// there.
struct Entries {
  std::vector<NatRule> leaving;
  bool all = true;
};

Entries find_entries(TableView& view, const NatRemoval& removal) {
  Entries entries;
  for (NatRule& rule : view.list_rules(removal.entry_chain)) {
    if (rule.target != removal.chain) continue;
    if (is_from(rule, removal.only))
      entries.leaving.push_back(std::move(rule));
    else
      entries.all = false;
  }
  return entries;
}

void remove_by_netlink(nft::Batch& batch, TableView& view, const NatRemoval& removal) {
  if (!view.has_chain(removal.chain)) return;
  const Entries entries = find_entries(view, removal);
  batch.select(nat_table(view.family()));
  for (const NatRule& rule : entries.leaving) batch.remove_rule(removal.entry_chain, rule.handle);
  if (entries.all) batch.remove_chain(removal.chain);
}

std::string join(const std::vector<std::uint16_t>& ports) {
  std::string text;
  for (const std::uint16_t port : ports) text += (text.empty() ? "" : ",") + std::to_string(port);
  return text;
}

/// The command that deletes `rule`, with its matches in the order of the reference.
std::string deletion_of(const NatRule& rule, const NatRemoval& removal) {
  std::string line = "-D " + removal.entry_chain;
  if (rule.source) line += " -s " + rule.source->text();
  if (rule.destination) line += " -d " + rule.destination->text();
  if (rule.protocol != 0) line += " -p " + port_protocol_name(rule.protocol);
  if (!rule.comment.empty()) line += " " + comment_option(rule.comment);
  if (!rule.ports.empty()) line += " -m multiport --dports " + join(rule.ports);
  return line + " -j " + removal.chain;
}

base::Outcome run_tool(base::Command command) {
  std::string complaint;
  command.environment = {"PATH=" + search_path()};
  command.on_stderr = [&](std::string_view text) { complaint += text; };
  base::Outcome outcome = base::run(command);
  if (outcome.ok()) return outcome;
  base::throw_errno("run " + command.path + " (exit status " + std::to_string(outcome.exit_code) +
                        (complaint.empty() ? "" : ": " + first_line(complaint)) + ")",
                    EIO);
}

/// The commands that delete the removal's entry rules, in the words of iptables-legacy-save: an
/// operator's conditions can be any match of iptables, and the configuration may have changed
/// since.
std::vector<std::string> saved_deletions(const NatRemoval& removal, int family) {
  const std::string program = program_for(family, IptablesVariant::legacy, "save");
  base::Command command;
  command.path = program;
  command.argv = {program, "-t", "nat"};
  const std::string text = run_tool(command).output;
  const std::string begin = "-A " + removal.entry_chain + " ";
  const std::string end = " -j " + removal.chain;
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t stop = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, stop - at);
    if (line.starts_with(begin) && line.ends_with(end)) lines.push_back("-D" + line.substr(2));
    at = stop + 1;
  }
  return lines;
}

/// The commands that delete `removal` from a legacy table, and whether they delete its chain.
struct LegacyRemoval {
  std::vector<std::string> lines = {};
  bool whole = false;
};

LegacyRemoval plan_legacy(TableView& view, const NatRemoval& removal) {
  LegacyRemoval plan;
  if (!view.has_chain(removal.chain)) return plan;
  const Entries entries = find_entries(view, removal);
  plan.whole = entries.all;
  if (entries.all && std::ranges::any_of(entries.leaving, &NatRule::has_more))
    plan.lines = saved_deletions(removal, view.family());
  else
    for (const NatRule& rule : entries.leaving) plan.lines.push_back(deletion_of(rule, removal));
  if (!plan.whole) return plan;
  plan.lines.push_back("-F " + removal.chain);
  plan.lines.push_back("-X " + removal.chain);
  return plan;
}

/// Returns whether there was anything to delete.
bool remove_legacy(nft::Nft& nft, int family, std::span<const NatRemoval> removals) {
  TableView view(nft, family, IptablesVariant::legacy);
  std::vector<std::string> lines;
  std::vector<std::string> chains;
  for (const NatRemoval& removal : removals) {
    const LegacyRemoval plan = plan_legacy(view, removal);
    std::ranges::copy(plan.lines, std::back_inserter(lines));
    if (plan.whole) chains.push_back(removal.chain);
  }
  if (lines.empty()) return false;
  restore_nat(family, lines, IptablesVariant::legacy);
  TableView after(nft, family, IptablesVariant::legacy);
  for (const std::string& chain : chains)
    if (after.has_chain(chain))
      base::throw_errno("remove chain " + chain + " of legacy table nat: " +
                            program_for(family, IptablesVariant::legacy) +
                            " reported success, but the chain is still there",
                        EIO);
  return true;
}

}  // namespace

nft::Table nat_table(int family) {
  return {nft::family_of(family), "nat"};
}

nft::Table filter_table(int family) {
  return {nft::family_of(family), "filter"};
}

nft::Table TableView::table() const {
  return table_ == IptablesTable::nat ? nat_table(family_) : filter_table(family_);
}

const std::vector<NatChain>& TableView::legacy() {
  if (!legacy_)
    legacy_ = table_ == IptablesTable::nat ? read_legacy_nat(family_) : read_legacy_filter(family_);
  return *legacy_;
}

bool TableView::has_chain(const std::string& chain) {
  if (variant_ == IptablesVariant::nft) return nft_.has_chain(table(), chain);
  return std::ranges::any_of(legacy(), [&](const NatChain& each) { return each.name == chain; });
}

std::vector<NatRule> TableView::list_rules(const std::string& chain) {
  if (variant_ == IptablesVariant::legacy) {
    for (const NatChain& each : legacy())
      if (each.name == chain) return each.rules;
    return {};
  }
  return nft_.list_rules(table(), chain);
}

std::size_t TableView::count_rules(const std::string& chain) {
  if (variant_ == IptablesVariant::nft) return nft_.count_rules(table(), chain).value_or(0);
  return list_rules(chain).size();
}

std::vector<std::string> TableView::list_chains() {
  std::vector<std::string> names;
  if (variant_ == IptablesVariant::nft)
    for (nft::ChainInfo& chain : nft_.list_chains(table())) names.push_back(std::move(chain.name));
  else
    for (const NatChain& chain : legacy()) names.push_back(chain.name);
  return names;
}

bool remove_nat_chains(nft::Nft& nft, std::span<const NatRemoval> removals) {
  bool existed = false;
  nft::retry_on_conflict([&] {
    nft::Batch batch(nat_table(AF_INET));
    for (const int family : {AF_INET, AF_INET6}) {
      TableView view(nft, family, IptablesVariant::nft);
      for (const NatRemoval& removal : removals) remove_by_netlink(batch, view, removal);
    }
    existed = existed || !batch.empty();
    nft.commit(batch);
  });
  for (const int family : {AF_INET, AF_INET6})
    if (remove_legacy(nft, family, removals)) existed = true;
  return existed;
}

namespace {

void restore(const std::string& program, const std::string& table,
             const std::vector<std::string>& lines) {
  std::string input = "*" + table + "\n";
  for (const std::string& line : lines) input += line + "\n";
  input += "COMMIT\n";
  base::Command command;
  command.path = program;
  command.argv = {program, "--noflush", "--wait"};
  command.input = input;
  run_tool(command);
}

}  // namespace

void restore_nat(int family, const std::vector<std::string>& lines,
                 std::optional<IptablesVariant> variant) {
  if (!lines.empty()) restore(program_for(family, variant), "nat", lines);
}

void restore_legacy_filter(int family, const std::vector<std::string>& lines) {
  if (!lines.empty()) restore(program_for(family, IptablesVariant::legacy), "filter", lines);
}

std::optional<IptablesVariant> find_tool_variant(int family) {
  const auto program = find_program(family == AF_INET ? "iptables-restore" : "ip6tables-restore");
  const std::unique_ptr<char, decltype(&::free)> file(
      program ? ::realpath(program->c_str(), nullptr) : nullptr, &::free);
  const std::string_view path = file ? file.get() : "";
  if (path.ends_with("/xtables-nft-multi")) return IptablesVariant::nft;
  if (path.ends_with("/xtables-legacy-multi")) return IptablesVariant::legacy;
  return std::nullopt;
}

void require_iptables(int family) {
  program_for(family, std::nullopt);
}

std::string comment_option(const std::string& comment) {
  std::string quoted;
  for (const char c : comment) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return "-m comment --comment \"" + quoted + "\"";
}

}  // namespace firewall
