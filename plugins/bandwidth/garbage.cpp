// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <vector>

#include "libcni/attach/gc.h"
#include "libcni/base/failures.h"
#include "libcni/net/qdisc.h"
#include "libcni/net/redirect.h"
#include "plugins/bandwidth/ifb.h"
#include "plugins/bandwidth/plan.h"

namespace bandwidth {
namespace {

/// Recognises ifbs that GC removes, as far as their names and marks say so.
class Stale {
 public:
  explicit Stale(const cni::Request& request)
      : prefix_(mark_prefix(request.network)), began_(request.began) {
    for (const auto& owner : attach::owners_of(request.network, request.valid_attachments)) {
      identities_.insert(identity_of(mark_of(owner, {})));
      names_.insert(ifb_names(owner)[0]);
    }
  }
  bool is_marked(const net::Link& link) const {
    if (link.kind != "ifb" || !link.alias.starts_with(prefix_)) return false;
    const auto time = find_time(link.alias);
    return !identities_.contains(identity_of(link.alias)) && time && *time < began_;
  }
  /// An ifb that the reference may have made, for an attachment of any network.
  bool may_be_unmarked(const net::Link& link) const {
    return link.kind == "ifb" && link.alias.empty() && is_ifb_name(link.name) &&
           !names_.contains(link.name);
  }

 private:
  std::string prefix_;
  base::BootTime began_;
  std::set<std::string> identities_;
  std::set<std::string> names_;
};

/// The links of this host that lead to ifbs.
struct Wiring {
  struct Use {
    int link;
    net::Redirect redirect;
  };
  std::vector<Use> uses;
  std::set<int> shaped;  ///< links with a tbf

  explicit Wiring(net::Netlink& host) {
    for (const net::Qdisc& qdisc : net::list_qdiscs(host)) {
      if (qdisc.bucket && qdisc.is_root()) shaped.insert(qdisc.link);
      if (!qdisc.takes_ingress_filters()) continue;
      for (net::Redirect& redirect : net::list_redirects(host, qdisc.link))
        uses.push_back({qdisc.link, std::move(redirect)});
    }
  }
  bool leads_to(int index) const {
    return std::ranges::any_of(uses, [&](const Use& use) { return use.redirect.target == index; });
  }
  /// The reference makes the tbf after the redirect: an ifb with a tbf and without a redirect has
  /// lost its link, and no ADD is at work on it.
  bool is_abandoned(int index) const { return shaped.contains(index) && !leads_to(index); }
};

}  // namespace

void collect_ifbs(const cni::Request& request) {
  const Stale stale(request);
  net::Netlink host;
  const std::vector<net::Link> links = net::list_links(host);
  if (std::ranges::none_of(links, [&](const net::Link& link) {
        return stale.is_marked(link) || stale.may_be_unmarked(link);
      }))
    return;
  const Wiring wiring(host);
  std::set<int> indices;
  for (const net::Link& link : links)
    if (stale.is_marked(link) || (stale.may_be_unmarked(link) && wiring.is_abandoned(link.index)))
      indices.insert(link.index);
  base::Failures failures;
  for (const Wiring::Use& use : wiring.uses)
    if (indices.contains(use.redirect.target) &&
        !failures.attempt([&] { net::remove_redirect(host, use.link, use.redirect); }))
      indices.erase(use.redirect.target);  // the packets of a pod that lives would be lost
  failures.attempt([&] {
    attach::remove_stale_links(host, links, [&](const net::Link& link) {
      return indices.contains(link.index) && (stale.is_marked(link) || stale.may_be_unmarked(link));
    });
  });
  failures.report();
}

}  // namespace bandwidth
