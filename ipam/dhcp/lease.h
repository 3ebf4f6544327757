// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "ipam/dhcp/conf.h"
#include "ipam/dhcp/packet.h"
#include "ipam/dhcp/rpc.h"
#include "libcni/base/boot_time.h"
#include "libcni/spec/result.h"

namespace ipam_dhcp {

/// The content of a DHCPACK. Times count from the request.
struct Lease {
  base::Prefix address;
  std::optional<base::IpAddress> server;
  std::chrono::seconds renewal;    ///< T1
  std::chrono::seconds rebinding;  ///< T2
  std::chrono::seconds expiry;
  cni::Result result;
};

/// Throws cni::Error for an acknowledgement that cannot be used. `priority` as Conf::priority.
Lease read_lease(const Packet& ack, std::uint64_t priority);

/// The name under which the daemon keeps an attachment, and its client identifier (option 61):
/// `<container ID>/<network>/<interface>`, cut to 254 bytes. Every server knows pods by it.
std::string key_of(const std::string& container_id, const std::string& network,
                   const std::string& ifname);

/// A lease as it is kept in a file, for the next daemon and for DEL without a daemon.
struct SavedLease {
  Call call;
  base::Mac mac;  ///< of the link that has the address
  Packet ack;
  base::BootTime obtained{};
};

/// The folder of a daemon's files: the path of its socket without `.sock`.
std::string folder_of(const std::string& socket);
void save(const std::string& folder, const std::string& key, const SavedLease& lease);
void forget(const std::string& folder, const std::string& key);
/// Nothing where no file exists. Throws for one that cannot be read.
std::optional<SavedLease> find_saved(const std::string& folder, const std::string& key);
/// All of them; a broken file is logged and left out.
std::vector<SavedLease> list_saved(const std::string& folder);

}  // namespace ipam_dhcp
