// SPDX-License-Identifier: Apache-2.0
#include "libcni/attach/veth.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "libcni/attach/host_end_name.h"
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
constexpr const char* kAliasStart = "plumb:";
constexpr int kNameTries = 10;

std::string shortened(const std::string& text) {
  constexpr std::size_t kLongest = 96;
  return text.size() <= kLongest ? text : text.substr(0, 64) + base::sha512_hex(text).substr(0, 32);
}

/// The host end of a new pair, if the kernel described it.
struct Made {
  std::string name;
  std::optional<net::Link> link;
};

/// Returns nothing when the host name is taken. The undo step is registered first, because the
/// kernel may create the pair although its answer is lost.
std::optional<Made> try_add(net::Netlink& host, const base::Netns& netns,
                            const net::VethSpec& spec) {
  base::Undo undo;
  undo.add("delete link \"" + spec.host_name + "\"", [&] {
    const auto made = net::find_link(host, spec.host_name);
    if (made && made->group == spec.host_group) net::remove_link(host, made->index);
  });
  std::optional<Made> made;
  try {
    made = Made{spec.host_name, net::add_veth(host, netns, spec)};
  } catch (const std::system_error& e) {
    if (e.code().value() != EEXIST || !net::find_link(host, spec.host_name)) throw;
  }
  undo.commit();
  return made;
}

Made create(net::Netlink& host, const base::Netns& netns, net::Netlink& sandbox,
            const VethRequest& request) try {
  for (int i = 0; i < kNameTries; ++i) {
    const std::string name = make_host_end_name();
    if (auto made = try_add(host, netns,
                            {name, request.ifname, request.mtu, request.mac, request.master,
                             request.host_mac, mark_of(request.alias)}))
      return *std::move(made);
  }
  base::throw_errno("find a free host name for the veth of \"" + request.ifname + "\"", EEXIST);
} catch (const std::system_error& e) {
  if (e.code().value() == EEXIST) require_free_name(sandbox, request.ifname);
  throw;
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

/// The other end of a sandbox's veth, if that is on the host.
std::optional<net::Link> find_peer(net::Netlink& host, const net::Link& link) {
  if (link.peer_index == 0) return std::nullopt;
  auto end = net::find_link(host, link.peer_index);
  if (!end || end->kind != "veth" || end->peer_index != link.index) return std::nullopt;
  return end;
}

/// Returns whether `result` lists `link` of the host as a host end.
bool lists_end(const cni::Result& result, const net::Link& link) {
  return std::ranges::any_of(result.interfaces, [&](const cni::Interface& interface) {
    return interface.sandbox.empty() && interface.name == link.name && has_mac(link, interface.mac);
  });
}

/// Returns whether a pair without a mark of its owner is the one that `prev_result` lists. A plugin
/// further down the chain may have changed the MAC address of either end.
bool is_listed(const net::Link& link, const std::optional<net::Link>& end,
               const std::optional<cni::Result>& prev_result) {
  if (end && names_owner(end->alias)) return false;
  const cni::Interface* known = find_interface(prev_result, link.name);
  if (known == nullptr) return false;
  return known->mac.empty() || has_mac(link, known->mac) || (end && lists_end(*prev_result, *end));
}

/// The host end that `result` lists, if the link of that name is a veth of that address and not
/// another attachment's.
std::optional<net::Link> find_listed_end(net::Netlink& host,
                                         const std::optional<cni::Result>& result,
                                         const std::string& alias) {
  if (!result) return std::nullopt;
  for (const cni::Interface& interface : result->interfaces) {
    if (!interface.sandbox.empty()) continue;
    const auto link = net::find_link(host, interface.name);
    if (link && link->kind == "veth" && link->name.starts_with("veth") &&
        has_mac(*link, interface.mac) && (link->alias == alias || !names_owner(link->alias)))
      return link;
  }
  return std::nullopt;
}

/// The host end whose alias names the owner. DEL uses it when it has no other information.
std::optional<net::Link> find_own_end(net::Netlink& host, const std::string& alias) {
  for (const net::Link& link : net::list_links(host))
    if (link.kind == "veth" && is_own(link, alias)) return link;
  return std::nullopt;
}

}  // namespace

std::string alias_prefix(const std::string& network) {
  return kAliasStart + shortened(network) + "/";
}

std::uint32_t mark_of(const std::string& alias) {
  constexpr std::uint32_t kMarks = 0x40000000;
  if (alias.empty()) return 0;
  const std::string hash = base::sha512_hex(alias).substr(0, 8);
  return kMarks | static_cast<std::uint32_t>(std::stoul(hash, nullptr, 16) % kMarks);
}

bool is_own(const net::Link& link, const std::string& alias) {
  return link.alias == alias ||
         (link.alias.empty() && link.group == mark_of(alias) && !alias.empty());
}

bool names_owner(const std::string& alias) {
  return alias.starts_with(kAliasStart);
}

std::string alias_of(const firewall::Owner& owner) {
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
  const Made made = create(host, netns, sandbox, request);
  base::Undo undo;
  undo.add("delete link \"" + made.name + "\"", [&] { net::remove_link(host, made.name); });
  VethPair pair{made.link ? *made.link : net::get_link(host, made.name),
                net::get_link(sandbox, request.ifname)};
  // Completed before the far end comes up, when the kernel would make a link-local address. If IPv6
  // is forwarded, its prefix of 64 bits brings an anycast address, whose route is freed two RCU
  // grace periods after the removal of the link: DEL takes 10 to 18 ms longer (aca_free_rcu, Linux
  // 6.18).
  net::complete_host_end(host, pair.host, request.alias);
  net::try_write_sysctl("net/ipv6/conf/" + made.name + "/accept_ra", "0");
  undo.commit();
  return pair;
}

// fe80:: and the modified EUI-64 (RFC 4291, appendix A).
base::IpAddress link_local_of(const base::Mac& mac) {
  const auto& m = mac.bytes;
  const auto first = static_cast<std::uint8_t>(m[0] ^ 2);
  const std::array<std::uint8_t, 16> bytes{0xfe,  0x80, 0,    0,    0,    0,    0,    0,
                                           first, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};
  return *base::IpAddress::from_bytes(bytes);
}

void add_link_local(net::Netlink& host, const net::Link& link,
                    const std::optional<base::IpAddress>& address) {
  net::Batch batch(host);
  put_link_local(batch, link, address);
  batch.send();
}

void put_link_local(net::Batch& batch, const net::Link& link,
                    const std::optional<base::IpAddress>& address) {
  const base::IpAddress own = address ? *address : link_local_of(link.mac.value());
  net::put_missing_address(batch, link.index, base::host_prefix(own));
  // The route that the kernel would add for its own address.
  net::put_route(batch, {.dst = *base::Prefix::parse("fe80::/64"),
                         .oif = link.index,
                         .protocol = net::kProtocolKernel,
                         .priority = net::kMetricOnLink});
}

cni::Interface describe(const net::Link& link, const std::string& sandbox) {
  return {.name = link.name,
          .mac = link.mac ? link.mac->text() : "",
          .mtu = static_cast<std::uint64_t>(link.mtu),
          .sandbox = sandbox};
}

net::Link verify_link(net::Netlink& sandbox, const cni::Interface& known,
                      const std::optional<std::string>& kind, bool wants_up) {
  const std::string& ifname = known.name;
  const auto link = net::find_link(sandbox, ifname);
  if (!link) differs("Cannot find container link " + ifname);
  if (kind && link->kind != *kind) differs("link " + ifname + " is not a " + *kind);
  if (wants_up && !link->up) differs("link " + ifname + " is down");
  if (!known.mac.empty() && !has_mac(*link, known.mac))
    differs("link " + ifname + " does not have the MAC address of prevResult, " + known.mac);
  return *link;
}

net::Link verify_veth(net::Netlink& sandbox, const cni::Interface& known, bool wants_up) {
  net::Link link = verify_link(sandbox, known, "veth", wants_up);
  // A chained plugin (tuning) may have lowered the MTU; packets larger than the MTU of the host's
  // end are lost.
  if (known.mtu && static_cast<std::uint64_t>(link.mtu) > *known.mtu) verify_mtu(link, known);
  return link;
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
    differs("link " + link.name + " has MTU " + std::to_string(link.mtu) + ", must be " +
            std::to_string(*known.mtu));
}

bool remove_veth_pair(const std::optional<base::Netns>& netns, const firewall::Owner& owner,
                      const std::optional<cni::Result>& prev_result) {
  const std::string alias = alias_of(owner);
  net::Netlink host;
  if (netns) {
    net::Netlink sandbox(*netns);
    const auto link = net::find_link(sandbox, owner.ifname);
    if (link && link->kind == "veth") {
      const auto end = find_peer(host, *link);
      // Removes the pair by the end that carries the mark of its owner.
      if (end && is_own(*end, alias)) return net::remove_link(host, end->index);
      if (is_listed(*link, end, prev_result)) return net::remove_link(sandbox, link->index);
    }
  }
  auto end = find_listed_end(host, prev_result, alias);
  if (!end) end = find_own_end(host, alias);
  return end && net::remove_link(host, end->index);
}

bool has_host_end(net::Netlink& host, const firewall::Owner& owner) {
  return find_own_end(host, alias_of(owner)).has_value();
}

std::vector<base::Prefix> addresses_of(const std::optional<cni::Result>& prev_result) {
  std::vector<base::Prefix> addresses;
  if (prev_result)
    for (const cni::IpConfig& ip : prev_result->ips) addresses.push_back(ip.address);
  return addresses;
}

}  // namespace attach
