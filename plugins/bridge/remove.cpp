// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "libcni/attach/gc.h"
#include "libcni/attach/owner.h"
#include "libcni/attach/rules.h"
#include "libcni/base/failures.h"
#include "libcni/firewall/attachment_rules.h"
#include "libcni/plugin/delegate.h"
#include "plugins/bridge/apply.h"
#include "plugins/bridge/plan.h"

namespace bridge {

void remove(const cni::Request& request) {
  base::Failures failures;
  const firewall::Owner owner = attach::owner_of(request);
  std::optional<nft::Nft> nft;
  const auto release = [&] { cni::Ipam(request).del(); };
  const bool releases_first = cni::ipam_uses_link(request);
  if (releases_first) failures.attempt(release);
  // Rules go first: the kernel lets go of them while the link is being removed (Nft::settle).
  failures.attempt([&] {
    firewall::remove_attachment_rules(nft, owner, attach::addresses_of(request.prev_result),
                                      attach::find_pod_link(request.prev_result, true));
  });
  // The link goes before its address: no pod may still answer for it when another pod gets it.
  failures.attempt([&] { attach::remove_veth_pair(request.sandbox, owner, request.prev_result); });
  if (!releases_first) failures.attempt(release);
  failures.report();
}

void collect_garbage(const cni::Request& request) {
  base::Failures failures;
  const auto release = [&] { cni::Ipam(request).gc(); };
  const bool releases_first = cni::ipam_uses_link(request);
  if (releases_first) failures.attempt(release);
  failures.attempt([&] {
    attach::collect_garbage(request.network, request.valid_attachments, request.began, [&] {
      if (!releases_first) release();
    });
  });
  failures.report();
}

}  // namespace bridge
