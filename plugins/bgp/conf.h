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
  bool ip_masq = false;
  firewall::MasqueradeBackend masq_backend = {};
  std::vector<base::Prefix> network = {};  ///< sees pod addresses as they are, with ipMasq
  std::optional<cni::Dns> dns = {};        ///< replaces IPAM's
  bool operator==(const Conf&) const = default;
};

/// Every key that README.md has.
inline constexpr std::string_view kKeys =
    "ipam mtu ipMasq ipMasqBackend network nodeFile subnetFile"
    " dns.nameservers dns.domain dns.search dns.options";

/// Reads plumbd's files. Throws code `when_unusable` for damaged ones, and where there are none and
/// the configuration names no IPAM.
std::optional<nodes::NodeFile> find_node(const cni::Request& request, cni::Code when_unusable);

/// `node` gives MTU, network and masquerade where the configuration does not. Throws cni::Error(6)
/// for a wrong type and (7) for a wrong value, naming the key.
Conf parse_conf(const cni::Request& request, const std::optional<nodes::NodeFile>& node);

/// parse_conf() of a configuration alone: where the ranges are plumbd's, so is the network, and the
/// files need not be there yet.
void require_usable(const cni::Request& request);

/// The request that IPAM gets: with the ranges of `node` where the configuration names no IPAM.
cni::Request make_ipam_request(const cni::Request& request,
                               const std::optional<nodes::NodeFile>& node);

}  // namespace bgp
