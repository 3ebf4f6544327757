// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/attachment_rules.h"

#include "libcni/base/failures.h"
#include "libcni/firewall/mac_spoof.h"
#include "libcni/firewall/masquerade.h"

namespace firewall {

void remove_attachment_rules(std::optional<nft::Nft>& nft, const Owner& owner,
                             std::span<const base::Prefix> addresses) {
  // Without the privilege every read fails: then one failure is reported, not one for each table.
  nft.emplace().generation();
  base::Failures failures;
  failures.attempt([&] { remove_mac_spoof_check(*nft, owner); });
  failures.attempt([&] { remove_masquerade(*nft, owner, addresses); });
  failures.report();
}

std::function<void()> find_stale_attachment_rules(const std::string& network,
                                                  std::span<const Owner> valid) {
  return [masquerade = find_stale_masquerade(network, valid),
          mac_spoof = find_stale_mac_spoof_checks(network, valid)] {
    base::Failures failures;
    failures.attempt(masquerade);
    failures.attempt(mac_spoof);
    failures.report();
  };
}

}  // namespace firewall
