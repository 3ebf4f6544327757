// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libcni/base/netns.h"
#include "libcni/firewall/owner.h"
#include "libcni/net/link.h"
#include "libcni/net/netlink.h"
#include "libcni/spec/result.h"

namespace attach {

/// The alias that marks a link as ours: `plumb:<network>/<container ID>/<ifname>`, its parts hashed
/// where they would exceed the kernel's 255 bytes. Host ends have it, and `lo` of a sandbox. DEL
/// and GC go by it.
std::string alias_of(const firewall::Owner& owner);
/// What every alias of `network` begins with.
std::string alias_prefix(const std::string& network);
/// Whether `alias` is that of any attachment of ours.
bool names_owner(const std::string& alias);

/// Throws cni::Error when the sandbox has a link of that name (S-033). Asked before IPAM, so that a
/// second ADD never disturbs the address of the first (S-153).
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

/// Creates a pair with a random host name, retrying on a clash (S-162). The host's end has no
/// link-local address: a port of a bridge needs none, and a routed end gets add_link_local().
/// Throws cni::Error when the sandbox has a link of that name (S-033); nothing is left in either
/// case.
VethPair add_veth_pair(net::Netlink& host, const base::Netns& netns, net::Netlink& sandbox,
                       const VethRequest& request);

/// Gives the host's end a link-local address that is usable at once: while there is none, or a
/// tentative one, the host cannot ask for the pod's MAC address on behalf of packets that it
/// forwards. `address`, or what the kernel would make of the MAC address.
void add_link_local(net::Netlink& host, const net::Link& link,
                    const std::optional<base::IpAddress>& address = {});

/// The link as a result lists it; `sandbox` is CNI_NETNS, or empty on the host.
cni::Interface describe(const net::Link& link, const std::string& sandbox);

/// CHECK of the container's end: a veth of the name, of the MAC and at most of the MTU that
/// prevResult tells, up unless it is meant to be left down.
net::Link verify_veth(net::Netlink& sandbox, const cni::Interface& known, bool wants_up = true);
/// CHECK of the host's end: the veth of `result` whose peer is `container`, up and of its MTU.
net::Link verify_host_end(net::Netlink& host, const cni::Result& result,
                          const net::Link& container);
/// CHECK of the MTU, where prevResult tells one: cniVersions before 1.0.0 do not.
void verify_mtu(const net::Link& link, const cni::Interface& known);

/// DEL of a pair: removes the link `owner.ifname` of the sandbox if its host end belongs to
/// `owner`, and otherwise the host end that does, which has lost its other end, or is a pair whose
/// other end was renamed. A link of another kind or of another attachment stays (S-168). The alias
/// tells whose an end is. An end without one was made by the reference or by an operator: it goes
/// only when `prev_result` lists this very pair, by MAC address or host end. Returns whether one
/// was removed.
bool remove_veth_pair(const std::optional<base::Netns>& netns, const firewall::Owner& owner,
                      const std::optional<cni::Result>& prev_result);

/// Whether the host has an end whose alias names `owner`, wherever the other end is.
bool has_host_end(net::Netlink& host, const firewall::Owner& owner);

/// The addresses of `prev_result`, for removals that find things faster by address.
std::vector<base::Prefix> addresses_of(const std::optional<cni::Result>& prev_result);

}  // namespace attach
