// SPDX-License-Identifier: Apache-2.0
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
  // The link goes first: an address must not be handed out again while a pod still answers for it.
  failures.attempt(
      [&] { attach::remove_veth_pair(request.sandbox, request.ifname, request.prev_result); });
  failures.attempt([&] {
    const cni::Ipam ipam(request);
    if (ipam.configured()) ipam.del();
  });
  const net::Owner owner = owner_of(request);
  if (conf.mac_spoof_check) failures.attempt([&] { net::remove_mac_spoof_check(owner); });
  if (conf.ip_masq)
    failures.attempt(
        [&] { net::remove_masquerade(owner, attach::addresses_of(request.prev_result)); });
  failures.report();
}

void collect_garbage(const cni::Request& request) {
  const auto valid = attach::owners_of(request.network, request.valid_attachments);
  base::Failures failures;
  failures.attempt([&] { attach::remove_stale_veths(request.network, valid); });
  failures.attempt([&] { net::gc_masquerade(request.network, valid); });
  failures.attempt([&] { net::gc_mac_spoof_checks(request.network, valid); });
  failures.attempt([&] {
    const cni::Ipam ipam(request);
    if (ipam.configured()) ipam.gc();
  });
  failures.report();
}

}  // namespace bridge
