// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "libcni/base/ip.h"

namespace cni {

/// Members that this library does not know, name to JSON text. They are passed on through a chain.
using Extra = std::map<std::string, std::string>;

/// A link of the attachment; `sandbox` is CNI_NETNS verbatim inside the container, empty on the
/// host.
struct Interface {
  std::string name;
  std::string mac;                        ///< as received; ours are lower-case colon hex
  std::optional<std::uint64_t> mtu = {};  ///< 1.1.0
  std::string sandbox = {};
  std::string socket_path = {};  ///< 1.1.0
  std::string pci_id = {};       ///< 1.1.0
  Extra extra = {};
  bool operator==(const Interface&) const = default;
};

/// An address with its prefix; host bits kept.
struct IpConfig {
  base::Prefix address;
  std::optional<base::IpAddress> gateway = {};
  std::optional<int> interface = {};  ///< index into Result::interfaces; other plugins may write -1
  Extra extra = {};
  bool operator==(const IpConfig&) const = default;
};

/// `dst` keeps its host bits. For table and scope, an explicit 0 differs from absent.
struct Route {
  base::Prefix dst;
  std::optional<base::IpAddress> gateway = {};
  std::uint64_t mtu = 0;
  std::uint64_t advmss = 0;
  std::uint64_t priority = 0;
  std::optional<std::uint64_t> table = {};
  std::optional<std::uint64_t> scope = {};
  Extra extra = {};
  bool operator==(const Route&) const = default;
};

struct Dns {
  std::vector<std::string> nameservers = {};
  std::string domain = {};
  std::vector<std::string> search = {};
  std::vector<std::string> options = {};
  Extra extra = {};
  bool empty() const { return *this == Dns{}; }
  bool operator==(const Dns&) const = default;
};

/// The result of ADD, independent of the version's format; libcni/json reads and writes each
/// version.
struct Result {
  std::vector<Interface> interfaces = {};
  std::vector<IpConfig> ips = {};
  std::vector<Route> routes = {};
  Dns dns = {};
  Extra extra = {};
  bool operator==(const Result&) const = default;
};

/// One (container ID, interface name), as in GC's list of valid attachments.
struct Attachment {
  std::string container_id;
  std::string ifname;
  auto operator<=>(const Attachment&) const = default;
};

}  // namespace cni
