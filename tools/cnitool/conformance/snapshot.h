// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace conformance {

/// The objects that a plugin can leave behind: links, addresses, routes and rules of host and
/// sandbox, nf_tables, and files below /run and /var/lib. One line per object, without parts that
/// change by themselves (counters, handles, carrier, IPv6 link-local addresses).
class Snapshot {
 public:
  /// Takes a snapshot of this process's namespace and of the one at `sandbox`, if it exists.
  static Snapshot take(const std::string& sandbox);

  /// The lines that only one of the two has, with "+ " for lines of `later`; empty when nothing
  /// changed.
  std::string difference(const Snapshot& later) const;
  /// The lines that hold `text`.
  std::vector<std::string> find(const std::string& text) const;

 private:
  std::vector<std::string> lines_;
};

/// `ip -j ARGUMENTS` in the namespace at `netns` (empty: this process's). Null when it fails.
nlohmann::json ip_json(const std::vector<std::string>& arguments, const std::string& netns);
/// Runs `ip ARGUMENTS` there; false when it fails.
bool ip_run(const std::vector<std::string>& arguments, const std::string& netns);
/// The nf_tables rule set of this process's namespace as JSON; null without the nft tool.
nlohmann::json nft_json();

}  // namespace conformance
