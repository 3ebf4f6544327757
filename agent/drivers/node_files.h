// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/config/config.h"
#include "libcni/nodes/node_file.h"

namespace agent {

/// The files that plumbd writes for CNI plugins and runtimes: node.json and subnet.env in the run
/// directory, copies of both in the state directory, which outlive a reboot, and the conflist. Each
/// is replaced as a whole, and only when it differs. Throws std::system_error.
class NodeFiles {
 public:
  explicit NodeFiles(const Config& config);

  /// Copies the files of the state directory to the run directory, unless it has some: so pods can
  /// start before the source answers. Returns whether there were copies.
  bool restore();
  /// Returns how many files were written.
  int write(const nodes::NodeFile& file);
  /// The built-in conflist for the backend, or the configured template, which must be a conflist
  /// (cni::Error). Returns whether it was written. The built-in one has the name that
  /// choose_network() finds for the node's `ranges`, the same for as long as plumbd runs.
  bool write_conflist(const std::vector<base::Prefix>& ranges);
  /// True if both files can be read and are what plumbd wrote last or found.
  bool valid() const;
  /// True if none of plumbd's files has been removed.
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
