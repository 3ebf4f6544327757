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

/// What the runtime knows of one attachment.
struct RuntimeConf {
  std::string container_id = {};
  std::string netns = {};  ///< path; may be empty or gone on DEL (R-122)
  std::string ifname = {};
  Args args = {};
  CapabilityArgs capability_args = {};
  std::string cache_dir = {};  ///< deprecated: used only when Options::cache_dir is empty (R-087)
};

/// Reads `K=V;K2=V2`. Throws cni::Error(4) `invalid CNI_ARGS pair "..."` for a pair without exactly
/// one `=` or with an empty side (C-11).
Args parse_args_text(std::string_view text);
/// `K=V;K2=V2` in the given order.
std::string args_text(const Args& args);

/// Reads a JSON object of capability arguments, each value kept as its exact text (C-12).
CapabilityArgs parse_capability_args(std::string_view text);

/// Throws cni::Error: code 3 for an empty container ID, 4 for a malformed one, 7 for the network
/// name, 4 for the interface name.
void require_valid(const RuntimeConf& conf, const std::string& network);

}  // namespace runtime
