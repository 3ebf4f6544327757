// SPDX-License-Identifier: Apache-2.0
#include "libcni/attach/veth.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <system_error>

#include "libcni/attach/sandbox.h"
#include "libcni/base/names.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/undo.h"
#include "libcni/net/address.h"
#include "libcni/net/route.h"
#include "libcni/net/sysctl.h"
#include "libcni/spec/error.h"

namespace attach {
namespace {

constexpr std::size_t kLongestAlias = 255;  // IFALIASZ - 1
constexpr int kNameTries = 10;

std::string shortened(const std::string& text) {
  constexpr std::size_t kLongest = 96;
  return text.size() <= kLongest ? text : text.substr(0, 64) + base::sha512_hex(text).substr(0, 32);
}

/// False when the host name is taken. A failure can be that of the answer alone: what the kernel
/// did is taken back all the same.
bool try_add(net::Netlink& host, const base::Netns& netns, const net::VethSpec& spec) {
  base::Undo undo;
  undo.add("delete link \"" + spec.host_name + "\"",
           [&] { net::remove_link(host, spec.host_name); });
  bool added = true;
  try {
    net::add_veth(host, netns, spec);
  } catch (const std::system_error& e) {
    if (e.code().value() != EEXIST || !net::find_link(host, spec.host_name)) throw;
    added = false;
  }
  undo.commit();
  return added;
}

std::string create(net::Netlink& host, const base::Netns& netns, net::Netlink& sandbox,
                   const VethRequest& request) try {
  for (int i = 0; i < kNameTries; ++i) {
    const std::string name = base::random_veth_name();
    if (try_add(host, netns,
                {name, request.ifname, request.mtu, request.mac, request.master, request.host_mac}))
      return name;
  }
  base::throw_errno("find a free host name for the veth of \"" + request.ifname + "\"", EEXIST);
} catch (const std::system_error& e) {
  if (e.code().value() == EEXIST) require_free_name(sandbox, request.ifname);
  throw;
}

/// fe80:: and the modified EUI-64 (RFC 4291, appendix A).
base::IpAddress link_local_of(const base::Mac& mac) {
  const auto& m = mac.bytes;
  const auto first = static_cast<std::uint8_t>(m[0] ^ 2);
  const std::array<std::uint8_t, 16> bytes{0xfe,  0x80, 0,    0,    0,    0,    0,    0,
                                           first, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};
  return *base::IpAddress::from_bytes(bytes);
}

const cni::Interface* find_interface(const std::optional<cni::Result>& result,
                                     const std::string& name) {
  if (!result) return nullptr;
  for (const cni::Interface& interface : result->interfaces)
    if (interface.name == name && !interface.sandbox.empty()) return &interface;
  return nullptr;
}

bool has_mac(const net::Link& link, const std::string& mac) {
  return link.mac && link.mac == base::Mac::parse(mac);
}

/// The host end that `result` lists, if the link of that name is a veth of that address.
std::optional<net::Link> find_host_end(net::Netlink& host,
                                       const std::optional<cni::Result>& result) {
  if (!result) return std::nullopt;
  for (const cni::Interface& interface : result->interfaces) {
    if (!interface.sandbox.empty()) continue;
    const auto link = net::find_link(host, interface.name);
    if (link && link->kind == "veth" && link->name.starts_with("veth") &&
        has_mac(*link, interface.mac))
      return link;
  }
  return std::nullopt;
}

/// The host end whose alias names `owner`: what DEL goes by when it is told nothing else.
std::optional<net::Link> find_own_end(net::Netlink& host, const net::Owner& owner) {
  const std::string alias = alias_of(owner);
  for (const net::Link& link : net::list_links(host))
    if (link.kind == "veth" && link.alias == alias) return link;
  return std::nullopt;
}

}  // namespace

std::string alias_prefix(const std::string& network) {
  return "plumb:" + shortened(network) + "/";
}

std::string alias_of(const net::Owner& owner) {
  const std::string alias =
      alias_prefix(owner.network) + shortened(owner.container_id) + "/" + owner.ifname;
  return alias.substr(0, kLongestAlias);
}

void require_free_name(net::Netlink& sandbox, const std::string& ifname) {
  if (net::find_link(sandbox, ifname))
    throw cni::Error(cni::Code::internal,
                     "container veth name (\"" + ifname + "\") already exists in the sandbox",
                     "run DEL of the attachment that made it, or choose another CNI_IFNAME");
}

VethPair add_veth_pair(net::Netlink& host, const base::Netns& netns, net::Netlink& sandbox,
                       const VethRequest& request) {
  const std::string name = create(host, netns, sandbox, request);
  base::Undo undo;
  undo.add("delete link \"" + name + "\"", [&] { net::remove_link(host, name); });
  VethPair pair{net::get_link(host, name), net::get_link(sandbox, request.ifname)};
  if (!request.alias.empty()) net::set_alias(host, pair.host.index, request.alias);
  net::try_write_sysctl("net/ipv6/conf/" + name + "/accept_ra", "0");
  // Before the far end comes up, when the kernel would make a link-local address. Where IPv6 is
  // forwarded, its prefix of 64 bits brings an anycast address, whose route is freed two RCU grace
  // periods after the link is told to go: DEL takes 10 to 18 ms longer (aca_free_rcu, Linux 6.18).
  net::try_write_sysctl("net/ipv6/conf/" + name + "/addr_gen_mode", "1");
  undo.commit();
  return pair;
}

void add_link_local(net::Netlink& host, const net::Link& link,
                    const std::optional<base::IpAddress>& address) {
  const base::IpAddress own = address ? *address : link_local_of(link.mac.value());
  // The kernel's is there where /proc/sys could not be written.
  net::ensure_address(host, link.index, base::host_prefix(own));
  // What the kernel would add for its own one.
  net::add_route(host,
                 {.dst = *base::Prefix::parse("fe80::/64"),
                  .oif = link.index,
                  .protocol = net::kProtocolKernel,
                  .priority = net::kMetricOnLink},
                 net::IfPresent::keep);
}

cni::Interface describe(const net::Link& link, const std::string& sandbox) {
  return {.name = link.name,
          .mac = link.mac ? link.mac->text() : "",
          .mtu = static_cast<std::uint64_t>(link.mtu),
          .sandbox = sandbox};
}

net::Link verify_veth(net::Netlink& sandbox, const cni::Interface& known, bool wants_up) {
  const std::string& ifname = known.name;
  const auto link = net::find_link(sandbox, ifname);
  if (!link) differs("Cannot find container link " + ifname);
  if (link->kind != "veth") differs("link " + ifname + " is not a veth");
  if (wants_up && !link->up) differs("link " + ifname + " is down");
  if (!known.mac.empty() && !has_mac(*link, known.mac))
    differs("link " + ifname + " has another MAC address than " + known.mac);
  // A chained plugin (tuning) may have lowered it; what exceeds the host's end is lost on the way.
  if (known.mtu && static_cast<std::uint64_t>(link->mtu) > *known.mtu) verify_mtu(*link, known);
  return *link;
}

net::Link verify_host_end(net::Netlink& host, const cni::Result& result,
                          const net::Link& container) {
  for (const cni::Interface& interface : result.interfaces) {
    if (!interface.sandbox.empty()) continue;
    const auto link = net::find_link(host, interface.name);
    if (!link || link->kind != "veth" || link->peer_index != container.index || !link->up) continue;
    verify_mtu(*link, interface);
    return *link;
  }
  differs("the host end of " + container.name + " is missing or down");
}

void verify_mtu(const net::Link& link, const cni::Interface& known) {
  if (known.mtu && static_cast<std::uint64_t>(link.mtu) != *known.mtu)
    differs("link " + link.name + " has MTU " + std::to_string(link.mtu) + ", want " +
            std::to_string(*known.mtu));
}

bool remove_veth_pair(const std::optional<base::Netns>& netns, const net::Owner& owner,
                      const std::optional<cni::Result>& prev_result) {
  net::Netlink host;
  const auto remove_host_end = [&] {
    auto end = find_host_end(host, prev_result);
    if (!end) end = find_own_end(host, owner);
    return end && net::remove_link(host, end->index);
  };
  if (!netns) return remove_host_end();
  net::Netlink sandbox(*netns);
  const auto link = net::find_link(sandbox, owner.ifname);
  if (!link) return remove_host_end();
  if (link->kind != "veth") return false;
  const cni::Interface* known = find_interface(prev_result, owner.ifname);
  const bool changed = known != nullptr && !known->mac.empty() && !has_mac(*link, known->mac);
  if (changed && !find_host_end(host, prev_result)) return false;
  return net::remove_link(sandbox, link->index);
}

std::vector<net::Owner> owners_of(const std::string& network,
                                  const std::vector<cni::Attachment>& attachments) {
  std::vector<net::Owner> owners;
  for (const cni::Attachment& attachment : attachments)
    owners.push_back({network, attachment.container_id, attachment.ifname});
  return owners;
}

bool has_host_end(net::Netlink& host, const net::Owner& owner) {
  const std::string alias = alias_of(owner);
  return std::ranges::any_of(net::list_links(host),
                             [&](const net::Link& link) { return link.alias == alias; });
}

void remove_stale_veths(const std::string& network, const std::vector<net::Owner>& valid) {
  std::set<std::string> aliases;
  for (const net::Owner& owner : valid) aliases.insert(alias_of(owner));
  const std::string prefix = alias_prefix(network);
  net::Netlink host;
  for (const net::Link& link : net::list_links(host))
    if (link.kind == "veth" && link.alias.starts_with(prefix) && !aliases.contains(link.alias))
      net::remove_link(host, link.index);
}

std::vector<base::Prefix> addresses_of(const std::optional<cni::Result>& prev_result) {
  std::vector<base::Prefix> addresses;
  if (prev_result)
    for (const cni::IpConfig& ip : prev_result->ips) addresses.push_back(ip.address);
  return addresses;
}

}  // namespace attach
