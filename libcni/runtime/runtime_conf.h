// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace runtime {

/// Ordered CNI_ARGS pairs.
using Args = std::vector<std::pair<std::string, std::string>>;
/// Capability name to the JSON text of its value, passed unmodified.
using CapabilityArgs = std::map<std::string, std::string>;

/// The runtime's parameters of one attachment.
struct RuntimeConf {
  std::string container_id = {};
  std::string netns = {};  ///< path; on DEL it may be empty or no longer exist
  std::string ifname = {};
  Args args = {};
  CapabilityArgs capability_args = {};
  std::string cache_dir = {};  ///< deprecated: used only when RuntimeOptions::cache_dir is empty
};

/// Reads `K=V;K2=V2`. Throws cni::Error(4) `invalid CNI_ARGS pair "..."` for a pair without exactly
/// one `=` or with an empty side.
Args parse_args_text(std::string_view text);
/// `K=V;K2=V2` in the given order.
std::string args_text(const Args& args);

/// Reads a JSON object of capability arguments, each value kept as its exact text.
CapabilityArgs parse_capability_args(std::string_view text);

/// Throws cni::Error: code 3 for an empty container ID, 4 for a malformed one, 7 for the network
/// name, 4 for the interface name.
void require_valid(const RuntimeConf& conf, const std::string& network);

}  // namespace runtime
