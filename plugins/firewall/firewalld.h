// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libcni/base/ip.h"
#include "plugins/firewall/bus.h"

namespace firewall_plugin {

/// firewalld, over the system's message bus. A pod's address is a source of a zone, in the runtime
/// configuration alone: a reload of firewalld drops it.
class Firewalld {
 public:
  /// Finds the running firewalld; nothing when the bus is missing or firewalld is not on it. Throws
  /// std::runtime_error when the bus answers with an error, and what Bus throws.
  static std::optional<Firewalld> find();

  /// A source that the zone has already is accepted. Throws std::runtime_error with firewalld's
  /// answer otherwise.
  void add_sources(const std::string& zone, std::span<const base::IpAddress> addresses);
  /// A source that the zone does not have is accepted. Tries all, then throws
  /// std::runtime_error with firewalld's answer to the first that it refused.
  void remove_sources(const std::string& zone, std::span<const base::IpAddress> addresses);
  /// Lists the addresses that are not sources of the zone. Throws std::runtime_error with
  /// firewalld's answer.
  std::vector<base::IpAddress> find_missing(const std::string& zone,
                                            std::span<const base::IpAddress> addresses);

 private:
  explicit Firewalld(Bus bus) : bus_(std::move(bus)) {}
  std::vector<BusAnswer> call(const char* member, const std::string& zone,
                              std::span<const base::IpAddress> addresses);
  Bus bus_;
};

}  // namespace firewall_plugin
