// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "libcni/net/netlink.h"

namespace fabric {

/// A sysctl of the machine that this suite has changed. Unlike a sysctl of a device of ours, it
/// stays when our objects are removed.
struct ChangedSysctl {
  std::string key;     ///< net/ipv4/ip_forward
  std::string before;  ///< its value before our first change
  std::string ours;
  bool operator==(const ChangedSysctl&) const = default;
};

/// Reads the file `sysctls` in `folder`: one line for each. The folder must not outlive a reboot,
/// as sysctls do not (/run/plumb). Processes may write the file at the same time.
std::vector<ChangedSysctl> read_changed_sysctls(const std::string& folder);
/// Adds a line before the change is made, so that a crash in between loses nothing. An existing
/// line of the key stays. Throws std::system_error.
void record_sysctl(const std::string& folder, const ChangedSysctl& changed);

/// The result of restore_sysctls(), for people.
struct RestoredSysctls {
  std::vector<std::string> restored = {};  ///< `net/ipv4/ip_forward = 0`
  std::vector<std::string> left = {};      ///< not restored; the same with the reason
};

/// Restores the recorded sysctls that still have our value. Forwarding stays on, and recorded,
/// while a pod's link or a bridge exists. Removes the file with its last line. Throws
/// std::system_error.
RestoredSysctls restore_sysctls(net::Netlink& netlink, const std::string& folder);

}  // namespace fabric
