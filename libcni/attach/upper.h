// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "libcni/base/mac.h"
#include "libcni/net/link.h"
#include "libcni/net/netlink.h"
#include "libcni/plugin/plugin.h"

namespace attach {

/// The machines that a link of a pod leads to.
enum class Reach {
  network,  ///< any number: IPv6 addresses run duplicate address detection, and all are announced
  wire,     ///< the program that has its other end: addresses are announced by ARP
  nothing
};

/// Creates the link `ifname` with `alias` in the sandbox and returns it. The caller removes it
/// after a failure, by its alias or mark_of() it.
using MakeLink = std::function<net::Link(net::Netlink& sandbox, const std::string& ifname,
                                         const std::string& alias)>;

/// An attachment whose link lies on another link, which the configuration calls master: macvlan,
/// ipvlan, vlan. With `make_link`, one whose link has no master: tap, dummy.
struct Upper {
  std::string kind;
  std::string master = {};  ///< empty: the link of the default route
  bool master_in_sandbox = false;
  std::optional<int> mtu = {};  ///< none: that of the master
  std::optional<base::Mac> mac = {};
  bool accept_ra = true;
  std::optional<cni::Dns> dns = {};                  ///< replaces IPAM's
  std::function<void(net::Message&)> put_data = {};  ///< puts the attributes of the kind
  Reach reach = Reach::network;
  MakeLink make_link = {};
};

/// The keys that parse_upper() reads.
inline constexpr std::string_view kUpperKeys =
    "master:string mtu:int(0..65535) linkInContainer:bool acceptRa:bool ipam:object"
    " dns.nameservers[]:string dns.domain:string dns.search[]:string dns.options[]:string";

/// Reads the keys that all plugins with a master have. Throws code 7 for a wrong value.
Upper parse_upper(const cni::Request& request, const std::string& kind);

/// The addresses and routes of an attachment, from IPAM or from elsewhere.
using GetAddresses = std::function<cni::Result()>;

/// ADD. `get_addresses` replaces IPAM; without it and without IPAM the link has no address. A
/// failure undoes everything that this call made.
cni::Result add_upper(const cni::Request& request, const Upper& upper,
                      const GetAddresses& get_addresses = {});
/// DEL: the link first, so that no pod answers for an address when IPAM releases it. A link of
/// another attachment or of another kind is not touched, though it has the name. Tries both steps,
/// then throws the failures.
void remove_upper(const cni::Request& request, const std::string& kind);
/// CHECK: IPAM, the link and its master, addresses and routes. Returns the link in `sandbox`.
net::Link verify_upper(const cni::Request& request, net::Netlink& sandbox, const Upper& upper);
/// GC of an attachment's only state outside its sandbox: IPAM's.
void collect_upper_garbage(const cni::Request& request);
/// STATUS: throws code 50 when the master does not exist, unless ADD does not need one, or what
/// IPAM answers.
void report_upper_status(const cni::Request& request, const Upper& upper, bool needs_master = true);

}  // namespace attach
