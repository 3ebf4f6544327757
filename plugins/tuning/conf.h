// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libcni/net/link_settings.h"
#include "libcni/plugin/plugin.h"

namespace tuning {

struct Sysctl {
  std::string key;   ///< as written in the configuration: `net.ipv4.conf.IFNAME.rp_filter`
  std::string path;  ///< below /proc/sys, always below `net/`
  std::string value;
  bool operator==(const Sysctl&) const = default;
};

/// The plugin's own keys, checked and merged from all their sources (README.md has the list).
struct Conf {
  std::vector<Sysctl> sysctls = {};  ///< in the order in which they are written
  net::LinkSettings link = {};
  std::string mac_text = {};  ///< `link.mac` as written: results carry it unchanged
  bool operator==(const Conf&) const = default;
};

/// Every key that README.md documents.
inline constexpr std::string_view kKeys =
    "sysctl:map(string) mac:string promisc:bool mtu:int(0..65535) allmulti:bool"
    " txQLen:int(0..4294967295) dataDir:string";

/// Throws cni::Error(6) for a wrong type and (7) for a wrong value, naming the key.
Conf parse_conf(const cni::Request& request);

/// The path of sysctl `key` below /proc/sys: each `.` is a `/`, then the first `IFNAME` the name of
/// the link. Throws cni::Error(7) for everything that is not below `net/`.
std::string sysctl_path(const std::string& key, const std::string& ifname);

/// The folder of the backup files. Needs no other key, so that DEL works with any configuration.
std::string data_dir(const json::Object& config);

}  // namespace tuning
