// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/attachment_rules.h"

#include "libcni/base/failures.h"
#include "libcni/firewall/mac_spoof.h"
#include "libcni/firewall/masquerade.h"
#include "libcni/firewall/masquerade_iptables.h"
#include "libcni/firewall/masquerade_nft.h"

namespace firewall {

void add_attachment_rules(const Owner& owner, const AttachmentRules& rules) {
  const bool by_iptables = rules.backend == MasqueradeBackend::iptables;
  nft::Nft nft;
  if (by_iptables && !rules.masquerade.empty())
    masquerade_iptables::add(nft, owner, rules.masquerade);
  const std::span<const base::Prefix> masquerade =
      by_iptables ? std::span<const base::Prefix>{} : rules.masquerade;
  if (masquerade.empty() && !rules.source_check) return;
  bool contested = false;
  nft::retry_on_conflict([&] {
    const std::uint32_t generation = nft.generation();
    nft::Batch batch({});
    const Addition to{nft, batch, contested};
    bool depends = masquerade_nft::put(to, owner, masquerade);
    if (rules.source_check) depends |= put_source_check(to, owner, *rules.source_check);
    contested = true;  // whatever fails now, the next round reads again first
    // Adding or removing elements needs no generation check: changes of other processes do not
    // affect them.
    nft.commit(batch, depends ? std::optional(generation) : std::nullopt);
  });
}

void remove_attachment_rules(const Owner& owner, const AttachmentRules& rules) {
  std::optional<nft::Nft> nft;
  remove_attachment_rules(nft, owner, rules.masquerade, rules.source_check);
  nft::Nft::settle();
}

void remove_attachment_rules(std::optional<nft::Nft>& nft, const Owner& owner,
                             std::span<const base::Prefix> addresses,
                             const std::optional<PodLink>& link) {
  // Without the privilege every read fails: then one failure is reported, not one for each table.
  nft.emplace().generation();
  base::Failures failures;
  failures.attempt([&] { remove_mac_spoof_check(*nft, owner); });
  failures.attempt([&] { remove_source_check(*nft, owner, link); });
  failures.attempt([&] { remove_masquerade(*nft, owner, addresses); });
  failures.report();
}

std::function<void()> find_stale_attachment_rules(const std::string& network,
                                                  std::span<const Owner> valid) {
  return [masquerade = find_stale_masquerade(network, valid),
          sources = find_stale_source_checks(network, valid),
          mac_spoof = find_stale_mac_spoof_checks(network, valid)] {
    base::Failures failures;
    failures.attempt(masquerade);
    failures.attempt(sources);
    failures.attempt(mac_spoof);
    failures.report();
  };
}

}  // namespace firewall
