// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "libcni/base/netns.h"
#include "libcni/net/link.h"
#include "libcni/net/netlink.h"

namespace net {

/// The state of an existing link after a move.
struct Moved {
  std::string name;
  std::string alias;
  bool up = false;
};

/// Moves `link` into `target`, with the name, alias and flag of `moved`, in one request. The kernel
/// sets it down first and removes its addresses and routes. Throws EINVAL for a link that cannot
/// leave its namespace, and EEXIST when the name is taken in `target`: the link may be there
/// already then, with its former name and alias.
void move_link(Netlink& netlink, const Link& link, const base::Netns& target, const Moved& moved);

/// Gives `link`, which is down, the name, alias and flag of `moved`, in one request. Throws EEXIST
/// when the name is taken.
void rename_link(Netlink& netlink, const Link& link, const Moved& moved);

}  // namespace net
