// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "ipam/store/folder.h"
#include "libcni/plugin/plugin.h"

namespace ipam_host_local {

/// The reservations of other networks in the same data directory. Networks may use the same
/// addresses, but all pods of a node that plumbd serves share the node's ranges, whatever the name
/// of the network that they were added to. An address of these ranges is given to one pod only.
class OtherNetworks {
 public:
  /// Looks for other folders beside that of `request.network`; only if there are any does it read
  /// the node's ranges, from the key `nodeFile` or plumbd's node.json. When the node file cannot be
  /// read, all addresses count as shared.
  OtherNetworks(const cni::Request& request, const std::string& data_dir);

  /// Returns whether another network holds `address`. A reservation file that cannot be read counts
  /// as holding its address.
  bool hold(const base::IpAddress& address);
  /// `; also reserved: 10.244.1.5 by network "cbr0"`: names the last address that hold() found;
  /// empty when it found none.
  const std::string& note() const { return note_; }

 private:
  std::vector<ipam::Folder> folders_;
  std::vector<base::Prefix> shared_;
  bool all_shared_ = false;
  std::string note_;
};

}  // namespace ipam_host_local
