// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/base/undo.h"
#include "libcni/firewall/owner.h"
#include "libcni/net/link.h"
#include "libcni/plugin/plugin.h"

namespace bandwidth {

/// The ifb of one attachment. Ours carry a mark of their owner; the reference's do not.
struct Ifb {
  net::Link link;
  bool is_new = false;
};

/// Returns whether the alias of `link` names another attachment than `owner`.
bool is_marked_by_another(const net::Link& link, const firewall::Owner& owner);

/// The ifb of `owner`, made if there is none: with the MTU of `end`, down, its removal added to
/// `undo`. Where another attachment of the container has the reference's name, it gets a name of
/// its own. An ifb without a mark is the owner's if `end` redirects packets to it.
Ifb ensure_ifb(net::Netlink& host, const net::Link& end, const firewall::Owner& owner,
               base::Undo& undo);

/// DEL: removes the ifbs of the attachment. One without a mark is removed unless `prevResult` does
/// not list it: then it belongs to another attachment of the container.
void remove_ifbs(const cni::Request& request);

/// GC: removes the ifbs of this network that name none of the valid attachments and are older than
/// this call. Where a link still redirects packets to one, that ends first: the pod, if it lives
/// after all, loses its limit and not its network. Unmarked ifbs are removed when no link redirects
/// packets to them any more.
void collect_ifbs(const cni::Request& request);

}  // namespace bandwidth
