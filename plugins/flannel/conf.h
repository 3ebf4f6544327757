// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libcni/nodes/node_file.h"
#include "libcni/plugin/plugin.h"

namespace flannel {

/// The plugin's own keys (README.md has the list).
struct Conf {
  std::string subnet_file = "/run/flannel/subnet.env";
  std::string data_dir = "/var/lib/cni/flannel";
  json::Object delegate = {};
  json::Object ipam = {};
};

/// Every key that README.md documents.
inline constexpr std::string_view kKeys =
    "subnetFile:string dataDir:string delegate:object ipam:object";

/// Throws cni::Error(6) for a wrong type and (7) for a wrong value, naming the key.
Conf parse_conf(const cni::Request& request);
/// For DEL and GC: the same without the checks of values.
Conf parse_conf_for_removal(const cni::Request& request);

/// Reads subnet.env. Throws `when_unusable` with the words of flannel's own plugin.
nodes::NodeFile read_subnet_file(const Conf& conf, cni::Code when_unusable);

/// The configuration that the delegate gets on ADD: `delegate`, completed by what subnet.env says,
/// as compact JSON with sorted keys. Without `node`, for a removal, it lacks the values from
/// there. Pure.
std::string make_delegate_config(const cni::Request& request, const Conf& conf,
                                 const std::optional<nodes::NodeFile>& node);

}  // namespace flannel
