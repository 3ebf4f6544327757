// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "libcni/base/failures.h"
#include "libcni/net/mac_spoof.h"
#include "libcni/net/masquerade.h"
#include "libcni/plugin/delegate.h"
#include "plugins/bridge/apply.h"
#include "plugins/bridge/plan.h"

namespace bridge {

void remove(const cni::Request& request) {
  base::Failures failures;
  Conf conf;
  failures.attempt([&] { conf = parse_conf_for_removal(request); });
  const net::Owner owner = owner_of(request);
  std::optional<net::nft::Nft> nft;
  if (conf.mac_spoof_check || conf.ip_masq) failures.attempt([&] { nft.emplace(); });
  // Rules go first: the kernel lets go of them while the link is being removed (Nft::settle).
  if (nft && conf.mac_spoof_check)
    failures.attempt([&] { net::remove_mac_spoof_check(*nft, owner); });
  if (nft && conf.ip_masq)
    failures.attempt(
        [&] { net::remove_masquerade(*nft, owner, attach::addresses_of(request.prev_result)); });
  // The link goes before its address: no pod may still answer for it when it is handed out again.
  failures.attempt([&] { attach::remove_veth_pair(request.sandbox, owner, request.prev_result); });
  failures.attempt([&] { cni::Ipam(request).del(); });
  failures.report();
}

void collect_garbage(const cni::Request& request) {
  const auto valid = attach::owners_of(request.network, request.valid_attachments);
  base::Failures failures;
  failures.attempt([&] { attach::remove_stale_veths(request.network, valid); });
  failures.attempt([&] { net::gc_masquerade(request.network, valid); });
  failures.attempt([&] { net::gc_mac_spoof_checks(request.network, valid); });
  failures.attempt([&] { cni::Ipam(request).gc(); });
  failures.report();
}

}  // namespace bridge
