// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/json/object.h"
#include "libcni/spec/error.h"

namespace nodes {

/// The values that plumbd gives the plugins of its node, in `node.json` and, for flannel's plugin,
/// in `subnet.env`. Each file is replaced as a whole (temporary file and rename).
struct NodeFile {
  std::string name = {};
  std::vector<base::Prefix> network = {};  ///< all pods of the cluster
  std::vector<base::Prefix> ranges =
      {};  ///< pods of this node, masked; the newest of a family first
  /// The `ranges` that are kept for existing pods only: no new pod gets an address of them.
  std::vector<base::Prefix> former = {};
  int mtu = 0;               ///< of pods
  std::string backend = {};  ///< a word of fabric::find_backend(); empty: unknown
  bool ip_masq = false;      ///< the plugin has to masquerade, because plumbd does not
  bool stale = false;        ///< plumbd runs on its cache: it cannot reach the source
  bool operator==(const NodeFile&) const = default;
};

/// Paths where plumbd writes the files, or flannel its own subnet.env.
struct NodeFilePaths {
  std::string node_json = "/run/plumb/node.json";
  std::string subnet_env = "/run/plumb/subnet.env";
  bool operator==(const NodeFilePaths&) const = default;
};
/// Keys `nodeFile` and `subnetFile`; empty is the default. Throws cni::Error(7) for a relative
/// path.
NodeFilePaths parse_node_file_paths(const json::Object& config);

/// node.json, else subnet.env; nothing while neither is there. Throws cni::Error(`when_unusable`)
/// for a damaged one and for one of another version: that is plumbd's mistake, not the
/// configuration's.
std::optional<NodeFile> find_node_file(const NodeFilePaths& paths, cni::Code when_unusable);
/// The same, and throws cni::Error(`when_unusable`) also while neither file exists.
NodeFile get_node_file(const NodeFilePaths& paths, cni::Code when_unusable);

/// The ranges from which new pods get addresses.
std::vector<base::Prefix> ranges_of_new_pods(const NodeFile& file);

/// The `ipam` of a plugin whose configuration names none: the members of `ipam`, type host-local,
/// and one address of each family of `ranges`, from the first. As JSON.
std::string make_ipam(const json::Object& ipam, std::span<const base::Prefix> ranges);

/// The same for DEL and GC, which do not know the ranges that ADD passed: these may have changed
/// since. host-local releases by owner and ignores the ranges, but other builds of it refuse a
/// configuration without one, so the result has a range of documentation addresses.
std::string make_removal_ipam(const json::Object& ipam);

/// `{"version":1,"name":"node-a","network":["10.244.0.0/16"],"ranges":["10.244.1.0/24"],
/// "mtu":1450,"backend":"vxlan","ipMasq":false,"stale":false}` and a newline.
std::string print_node_json(const NodeFile& file);
/// Throws cni::Error(6 or 7) naming `file_name` and the key: also for another `version`, and where
/// ranges or MTU are missing.
NodeFile parse_node_json(std::string_view text, const std::string& file_name);

/// flannel's format: one range per family, the first for new pods, written
/// with its first host address; FLANNEL_IPMASQ says that the daemon masquerades, the opposite of
/// `ip_masq`.
std::string print_subnet_env(const NodeFile& file);
/// Throws cni::Error(7) naming `file_name` and what is missing.
NodeFile parse_subnet_env(std::string_view text, const std::string& file_name);

}  // namespace nodes
