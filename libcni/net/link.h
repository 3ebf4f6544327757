// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "libcni/base/mac.h"
#include "libcni/base/netns.h"
#include "libcni/net/batch.h"
#include "libcni/net/netlink.h"

namespace net {

/// A network interface as the kernel reports it.
struct Link {
  int index = 0;
  std::string name;
  std::string kind;  ///< IFLA_INFO_KIND: "veth", "bridge", ...; empty for hardware and lo
  std::optional<base::Mac> mac;
  int mtu = 0;
  bool up = false;           ///< IFF_UP: administratively
  int operstate = 0;         ///< IF_OPER_* of RFC 2863
  int master = 0;            ///< index of the bridge it is a port of, or 0
  int peer_index = 0;        ///< IFLA_LINK: a veth's other end, an index in its namespace
  unsigned promiscuity = 0;  ///< number of users of promiscuous mode
  bool promisc = false;      ///< IFF_PROMISC: set by hand, not by a capture
  std::string alias;
  std::uint32_t group = 0;  ///< IFLA_GROUP; 0 for a new link
  bool has_ipv6 = false;
  bool operator==(const Link&) const = default;
};

/// Parses an RTM_NEWLINK message.
Link parse_link(const nlmsghdr& message);

std::optional<Link> find_link(Netlink& netlink, const std::string& name);
std::optional<Link> find_link(Netlink& netlink, int index);
/// Throws ENODEV when the link does not exist.
Link get_link(Netlink& netlink, const std::string& name);
std::vector<Link> list_links(Netlink& netlink);

struct BridgeSpec {
  std::string name;
  std::optional<int> mtu = {};
  bool vlan_filtering = false;
};
/// Creates the bridge, down; returns false when a link of that name exists.
bool add_bridge(Netlink& netlink, const BridgeSpec& spec);

struct VethSpec {
  std::string host_name;
  std::string sandbox_name;
  std::optional<int> mtu = {};
  std::optional<base::Mac> sandbox_mac = {};
  int master = 0;  ///< index of the host end's bridge, or 0
  std::optional<base::Mac> host_mac = {};
  std::uint32_t host_group = 0;  ///< of the host end
};
/// Creates the pair from the host side: the host end is up, without queue, and a port of `master`;
/// the other end is down and is created in `sandbox` under its final name, so that a crash cannot
/// leave it on the host. Throws EEXIST when either name is taken.
/// Returns the host end as the kernel describes it with its answer; nothing before kernel 6.2.
std::optional<Link> add_veth(Netlink& host, const base::Netns& sandbox, const VethSpec& spec);

void set_up(Netlink& netlink, int index);
void set_down(Netlink& netlink, int index);
/// Sets the link up with others in one batch.
void put_up(Batch& batch, int index);
/// A knob of net.ipv4.conf: IPV4_DEVCONF_* and its value.
using Ipv4Knob = std::pair<std::uint16_t, std::uint32_t>;
void put_ipv4_knobs(Batch& batch, int index, std::span<const Ipv4Knob> knobs);
void set_mac(Netlink& netlink, int index, const base::Mac& mac);
void set_mtu(Netlink& netlink, int index, int mtu);
void set_promisc(Netlink& netlink, int index);
/// At most 255 bytes.
void set_alias(Netlink& netlink, int index, const std::string& alias);
/// Sets the alias, puts the link back into group 0 and keeps the kernel from giving it a link-local
/// address, in one step.
void complete_host_end(Netlink& netlink, const Link& link, const std::string& alias);
void put_completion(Batch& batch, const Link& link, const std::string& alias);
/// Sets the link up or down and gives it `alias`, in one request.
void set_up(Netlink& netlink, int index, const std::string& alias);
void set_down(Netlink& netlink, int index, const std::string& alias);
void set_master(Netlink& netlink, int index, int master);

/// Removes the link; returns false when it did not exist.
bool remove_link(Netlink& netlink, const std::string& name);
bool remove_link(Netlink& netlink, int index);

/// Puts the link into `group`.
void put_into_group(Pipeline& pipeline, int index, std::uint32_t group);
/// Removes all links of `group` (not 0) at once, so that the kernel waits for its readers once and
/// not for each link. Returns false when the group was empty.
bool remove_group(Netlink& netlink, std::uint32_t group);

/// Waits for operstate UP by link events; returns the last state seen (IF_OPER_UP on success) when
/// `milliseconds` have passed.
int wait_oper_up(Netlink& netlink, int index, int milliseconds);
/// "up", "lower-layer-down", ...
std::string operstate_name(int operstate);

}  // namespace net
