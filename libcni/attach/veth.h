// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>
#include <string>

#include "libcni/base/netns.h"
#include "libcni/net/link.h"
#include "libcni/net/netlink.h"
#include "libcni/net/owner.h"
#include "libcni/spec/result.h"

namespace attach {

/// The alias that marks a host end as ours: `plumb:<network>/<container ID>/<ifname>`, its parts
/// hashed where they would exceed the kernel's 255 bytes. GC finds orphans by it.
std::string alias_of(const net::Owner& owner);
/// What every alias of `network` begins with.
std::string alias_prefix(const std::string& network);

struct VethRequest {
  std::string ifname;  ///< of the container's end
  std::optional<int> mtu = {};
  std::optional<base::Mac> mac = {};  ///< of the container's end
  int master = 0;                     ///< bridge of the host's end, or 0
  std::string alias = {};             ///< of the host's end
};

struct VethPair {
  net::Link host;
  net::Link container;
};

/// Creates a pair with a random host name, retrying on a clash (S-162). Throws cni::Error when the
/// sandbox has a link of that name (S-033); nothing is left in either case.
VethPair add_veth_pair(net::Netlink& host, const base::Netns& netns, net::Netlink& sandbox,
                       const VethRequest& request);

/// Removes the container's end, and the host's with it. A link of another kind is somebody else's
/// and stays, and so is a veth whose MAC differs from the one in `prev_result` while the host end
/// listed there is gone (S-168). Returns whether one was removed.
bool remove_veth(net::Netlink& host, net::Netlink& sandbox, const std::string& ifname,
                 const std::optional<cni::Result>& prev_result);

/// The same without a sandbox: by the host end that `prev_result` lists, if it is still a veth of
/// that MAC address.
bool remove_host_veth(net::Netlink& host, const std::optional<cni::Result>& prev_result);

/// GC: removes host ends of `network` whose alias is not in `valid_aliases`.
void remove_stale_veths(net::Netlink& host, const std::string& network,
                        const std::set<std::string>& valid_aliases);

}  // namespace attach
