// SPDX-License-Identifier: Apache-2.0
#include "libcni/attach/veth.h"

#include <cerrno>
#include <system_error>

#include "libcni/base/names.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/undo.h"
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

/// The host end, or the EEXIST of its name; other errors throw.
bool try_add(net::Netlink& host, const base::Netns& netns, const net::VethSpec& spec) try {
  net::add_veth(host, netns, spec);
  return true;
} catch (const std::system_error& e) {
  if (e.code().value() == EEXIST && net::find_link(host, spec.host_name)) return false;
  throw;
}

[[noreturn]] void refuse_existing(const std::string& ifname) {
  throw cni::Error(cni::Code::internal,
                   "container veth name (\"" + ifname + "\") already exists in the sandbox",
                   "delete the link, or run DEL of the attachment that made it");
}

std::string create(net::Netlink& host, const base::Netns& netns, net::Netlink& sandbox,
                   const VethRequest& request) try {
  for (int i = 0; i < kNameTries; ++i) {
    const std::string name = base::random_veth_name();
    if (try_add(host, netns, {name, request.ifname, request.mtu, request.mac, request.master}))
      return name;
  }
  base::throw_errno("find a free host name for the veth of \"" + request.ifname + "\"", EEXIST);
} catch (const std::system_error& e) {
  if (e.code().value() == EEXIST && net::find_link(sandbox, request.ifname))
    refuse_existing(request.ifname);
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

}  // namespace

std::string alias_prefix(const std::string& network) {
  return "plumb:" + shortened(network) + "/";
}

std::string alias_of(const net::Owner& owner) {
  const std::string alias =
      alias_prefix(owner.network) + shortened(owner.container_id) + "/" + owner.ifname;
  return alias.substr(0, kLongestAlias);
}

VethPair add_veth_pair(net::Netlink& host, const base::Netns& netns, net::Netlink& sandbox,
                       const VethRequest& request) {
  const std::string name = create(host, netns, sandbox, request);
  base::Undo undo;
  undo.add("delete link \"" + name + "\"", [&] { net::remove_link(host, name); });
  VethPair pair{net::get_link(host, name), net::get_link(sandbox, request.ifname)};
  if (!request.alias.empty()) net::set_alias(host, pair.host.index, request.alias);
  net::try_write_sysctl("net/ipv6/conf/" + name + "/accept_ra", "0");
  undo.commit();
  return pair;
}

bool remove_veth(net::Netlink& host, net::Netlink& sandbox, const std::string& ifname,
                 const std::optional<cni::Result>& prev_result) {
  const auto link = net::find_link(sandbox, ifname);
  if (!link || link->kind != "veth") return false;
  const cni::Interface* known = find_interface(prev_result, ifname);
  const bool changed = known != nullptr && !known->mac.empty() && !has_mac(*link, known->mac);
  if (changed && !find_host_end(host, prev_result)) return false;
  return net::remove_link(sandbox, link->index);
}

bool remove_host_veth(net::Netlink& host, const std::optional<cni::Result>& prev_result) {
  const auto link = find_host_end(host, prev_result);
  return link && net::remove_link(host, link->index);
}

void remove_stale_veths(net::Netlink& host, const std::string& network,
                        const std::set<std::string>& valid_aliases) {
  const std::string prefix = alias_prefix(network);
  for (const net::Link& link : net::list_links(host))
    if (link.kind == "veth" && link.alias.starts_with(prefix) &&
        !valid_aliases.contains(link.alias))
      net::remove_link(host, link.index);
}

}  // namespace attach
