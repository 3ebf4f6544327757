// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libcni/net/batch.h"
#include "libcni/net/link.h"
#include "libcni/net/netlink.h"

namespace net {

struct IfbSpec {
  std::string name;
  int mtu = 1500;
  std::uint32_t group = 0;
};
/// Creates an ifb, down and without a queue: a link whose root qdisc shapes the packets that
/// filters of other links redirect to it; then they go on as received from those links. Throws
/// EEXIST when the name is taken. Returns the link as the kernel describes it with its answer;
/// nothing before kernel 6.2.
std::optional<Link> add_ifb(Netlink& netlink, const IfbSpec& spec);

/// A filter that sends every packet which a link receives to another link.
struct Redirect {
  std::string kind = {};     ///< "u32" or "matchall"
  std::uint32_t handle = 0;  ///< as the next, a part of its identity
  std::uint32_t info = 0;    ///< priority and protocol
  int target = 0;            ///< index of the other link; 0 when that link is gone
  bool operator==(const Redirect&) const = default;
};

/// Adds a redirect of all packets that link `index` receives, with priority 1; the link has an
/// ingress qdisc. `first`: it becomes the link's first filter of kind u32, below a qdisc of kind
/// ingress; a refusal with EEXIST or EINVAL, where others are there, is tolerated.
std::size_t put_redirect(Batch& batch, int index, int target, bool first);
/// The redirects of all packets of link `index`, in the order in which the kernel asks them.
std::vector<Redirect> list_redirects(Netlink& netlink, int index);
/// Returns whether link `index` has any filter for the packets that it receives.
bool has_ingress_filters(Netlink& netlink, int index);
bool remove_redirect(Netlink& netlink, int index, const Redirect& redirect);

}  // namespace net
