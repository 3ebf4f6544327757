// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "libcni/firewall/masquerade.h"
#include "libcni/nodes/node_file.h"
#include "libcni/plugin/plugin.h"

namespace bgp {

/// The configuration of one attachment, checked (README.md has the keys).
struct Conf {
  std::optional<int> mtu = {};
  bool accept_ra = false;
  bool spoof_check = true;
  bool ip_masq = false;
  firewall::MasqueradeBackend masq_backend = {};
  std::vector<base::Prefix> network = {};  ///< destinations that are not masqueraded with ipMasq
  std::optional<cni::Dns> dns = {};        ///< replaces IPAM's
  bool operator==(const Conf&) const = default;
};

/// Every key that README.md documents.
inline constexpr std::string_view kKeys =
    "ipam:object mtu:int(0..65535) spoofCheck:bool acceptRa:bool ipMasq:bool"
    " ipMasqBackend:string(nftables|iptables) network[]:string nodeFile:string"
    " subnetFile:string dns.nameservers[]:string dns.domain:string dns.search[]:string"
    " dns.options[]:string";

/// Reads plumbd's files. Throws code `when_unusable` when they are damaged, or when they are
/// missing and the configuration has no IPAM.
std::optional<nodes::NodeFile> find_node(const cni::Request& request, cni::Code when_unusable);

/// `node` supplies MTU, network and masquerade where the configuration does not. Throws
/// cni::Error(6) for a wrong type and (7) for a wrong value, naming the key.
Conf parse_conf(const cni::Request& request, const std::optional<nodes::NodeFile>& node);

/// Like parse_conf(), for a configuration that is checked without a pod: where plumbd supplies the
/// ranges it also supplies the network, and its files may be missing.
void require_usable(const cni::Request& request);

/// The request for IPAM, with the ranges of `node` if the configuration has no IPAM.
cni::Request make_ipam_request(const cni::Request& request,
                               const std::optional<nodes::NodeFile>& node);

}  // namespace bgp
