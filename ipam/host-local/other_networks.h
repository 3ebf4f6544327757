// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "ipam/store/folder.h"
#include "libcni/plugin/plugin.h"

namespace ipam_host_local {

/// The reservations of other networks in the same data directory. Networks may use the same
/// addresses, but all pods of a node that plumbd serves share the node's ranges, whatever the name
/// of the network that they were added to: an address of these is given once (L3).
class OtherNetworks {
 public:
  /// Looks for other folders beside that of `request.network`; only where there are any it reads
  /// the node's ranges, from the key `nodeFile` or plumbd's node.json. A node file that cannot be
  /// read does not say which addresses are shared: then all are.
  OtherNetworks(const cni::Request& request, const std::string& data_dir);

  /// Whether another network holds `address`. A file that cannot be read holds its address.
  bool hold(const base::IpAddress& address);
  /// `; also reserved: 10.244.1.5 by network "cbr0"`: the last one that hold() found, or empty.
  const std::string& note() const { return note_; }

 private:
  std::vector<ipam::Folder> folders_;
  std::vector<base::Prefix> shared_;
  bool all_shared_ = false;
  std::string note_;
};

}  // namespace ipam_host_local
