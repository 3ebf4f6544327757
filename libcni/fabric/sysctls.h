// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "libcni/net/netlink.h"

namespace fabric {

/// A sysctl of the machine, not of a device of ours, that we changed: it stays when our objects go.
struct ChangedSysctl {
  std::string key;     ///< net/ipv4/ip_forward
  std::string before;  ///< its value when we first changed it
  std::string ours;
  bool operator==(const ChangedSysctl&) const = default;
};

/// The file `sysctls` in `folder`, which must go with the boot as sysctls do (/run/plumb): one line
/// for each. Processes may write it at the same time.
std::vector<ChangedSysctl> read_changed_sysctls(const std::string& folder);
/// Before the change, so that a crash between them loses nothing. What is known of a key stays.
/// Throws std::system_error.
void record_sysctl(const std::string& folder, const ChangedSysctl& changed);

/// What became of the recorded sysctls, for people.
struct RestoredSysctls {
  std::vector<std::string> restored = {};  ///< `net/ipv4/ip_forward = 0`
  std::vector<std::string> left = {};      ///< the same with the reason
};

/// Puts back those that still have our value. Forwarding stays on, and recorded, while a pod's link
/// or a bridge is there. The file goes with its last line. Throws std::system_error.
RestoredSysctls restore_sysctls(net::Netlink& netlink, const std::string& folder);

}  // namespace fabric
