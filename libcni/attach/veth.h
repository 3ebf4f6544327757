// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libcni/base/netns.h"
#include "libcni/firewall/owner.h"
#include "libcni/net/batch.h"
#include "libcni/net/link.h"
#include "libcni/net/netlink.h"
#include "libcni/spec/result.h"

namespace attach {

/// The alias that marks a link as ours: `plumb:<network>/<container ID>/<ifname>`, with its parts
/// hashed if they would exceed the kernel's 255 bytes. Host ends have it, and `lo` of a sandbox.
/// DEL and GC find links by it.
std::string alias_of(const firewall::Owner& owner);
/// The common beginning of all aliases of `network`.
std::string alias_prefix(const std::string& network);
/// Returns whether `alias` marks an attachment of this suite.
bool names_owner(const std::string& alias);

/// The link group that marks the owner of a link until it has an alias: creation can set a group,
/// but not an alias (rtnl_create_link). Never 0, and never a group of GC.
std::uint32_t mark_of(const std::string& alias);
/// Returns whether `link` has the alias, or none yet and its mark.
bool is_own(const net::Link& link, const std::string& alias);

/// Throws cni::Error when the sandbox has a link of that name. Called before IPAM runs, so that a
/// second ADD never disturbs the address of the first.
void require_free_name(net::Netlink& sandbox, const std::string& ifname);

struct VethRequest {
  std::string ifname;  ///< of the container's end
  std::optional<int> mtu = {};
  std::optional<base::Mac> mac = {};  ///< of the container's end
  int master = 0;                     ///< bridge of the host's end, or 0
  std::string alias = {};             ///< of the host's end
  std::optional<base::Mac> host_mac = {};
};

struct VethPair {
  net::Link host;
  net::Link container;
};

/// Creates a pair with a random host name, retrying on a clash. The host's end has no link-local
/// address: a port of a bridge needs none, and a routed end gets one by add_link_local(). Throws
/// cni::Error when the sandbox has a link of that name; a failure leaves nothing behind.
VethPair add_veth_pair(net::Netlink& host, const base::Netns& netns, net::Netlink& sandbox,
                       const VethRequest& request);

/// The IPv6 link-local address that the kernel derives from a MAC address.
base::IpAddress link_local_of(const base::Mac& mac);

/// Gives the host's end a link-local address that is usable at once: without one, or with a
/// tentative one, the host cannot resolve the pod's MAC address for packets that it forwards. The
/// address is `address`, or the one that the kernel would derive from the MAC address.
void add_link_local(net::Netlink& host, const net::Link& link,
                    const std::optional<base::IpAddress>& address = {});
void put_link_local(net::Batch& batch, const net::Link& link,
                    const std::optional<base::IpAddress>& address = {});

/// The link as a result lists it; `sandbox` is CNI_NETNS, or empty on the host.
cni::Interface describe(const net::Link& link, const std::string& sandbox);

/// CHECK of the link in the sandbox that prevResult lists as `known`: its MAC address, its kind
/// unless any will do, and unless `wants_up` is false that it is up. Throws cni::Error naming the
/// difference.
net::Link verify_link(net::Netlink& sandbox, const cni::Interface& known,
                      const std::optional<std::string>& kind, bool wants_up = true);
/// CHECK of the container's end: must be a veth with the name and MAC address of prevResult and at
/// most its MTU, and up unless it is configured to stay down.
net::Link verify_veth(net::Netlink& sandbox, const cni::Interface& known, bool wants_up = true);
/// CHECK of the host's end: must be the veth of `result` whose peer is `container`, up and with its
/// MTU.
net::Link verify_host_end(net::Netlink& host, const cni::Result& result,
                          const net::Link& container);
/// CHECK of the MTU, if prevResult has one: cniVersions before 1.0.0 do not.
void verify_mtu(const net::Link& link, const cni::Interface& known);

/// DEL of a pair: removes the link `owner.ifname` of the sandbox if its host end belongs to
/// `owner`. Otherwise removes the host end that belongs to `owner`: its other end was renamed or is
/// gone. A link of another kind or of another attachment stays. The alias names the owner. An end
/// without alias was made by the reference or by an operator: it is removed only if `prev_result`
/// lists this pair, by MAC address or host end. Returns whether a link was removed.
bool remove_veth_pair(const std::optional<base::Netns>& netns, const firewall::Owner& owner,
                      const std::optional<cni::Result>& prev_result);

/// Returns whether the host has an end whose alias names `owner`, wherever the other end is.
bool has_host_end(net::Netlink& host, const firewall::Owner& owner);

/// The addresses of `prev_result`; removals are faster with them.
std::vector<base::Prefix> addresses_of(const std::optional<cni::Result>& prev_result);

}  // namespace attach
