// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/config/config.h"
#include "libcni/nodes/node_file.h"

namespace agent {

/// What plumbd writes for CNI plugins and runtimes: node.json and subnet.env in the run directory,
/// copies of both in the state directory, which outlive a reboot, and the conflist. Each is
/// replaced whole, and only when it differs. Throws std::system_error.
class NodeFiles {
 public:
  explicit NodeFiles(const Config& config);

  /// Puts the copies where plugins look, unless something is there: pods can start before the
  /// source answers (multinode 5.6). Returns whether there were copies.
  bool restore();
  /// Returns how many files were written.
  int write(const nodes::NodeFile& file);
  /// The built-in conflist for the backend, or the configured template, which must be a conflist
  /// (cni::Error). Returns whether it was written. The built-in one has the name that
  /// choose_network() finds for the node's `ranges`, the same for as long as plumbd runs.
  bool write_conflist(const std::vector<base::Prefix>& ranges);
  /// Both files can be read and are what plumbd wrote last or found.
  bool valid() const;
  /// Whether nothing of what plumbd writes has been removed.
  bool present() const;

 private:
  std::string run_;
  std::string state_;
  std::string conflist_;
  std::string template_;
  std::string reservations_;
  std::string network_;  ///< the name of the built-in conflist; empty: not chosen yet
  bool bgp_;
};

}  // namespace agent
