// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "libcni/fabric/desired.h"
#include "libcni/fabric/difference.h"
#include "libcni/fabric/run.h"
#include "libcni/net/route.h"

namespace fabric {

/// Index of each device by name; nothing where it cannot be used, 0 where a dry run would create
/// it.
using Devices = std::map<std::string, std::optional<int>>;

/// The name of the link, or its index where it is gone.
std::string link_name(int index);

/// The routes of one scope, compared with the kernel's.
class Routes {
 public:
  /// Reads the kernel's and compares; `devices` are those of the overlays.
  Routes(Run& run, const Desired& desired, Devices devices);
  /// Compares with the routes of `before` instead, for apply_delta(), and replaces none: the kernel
  /// would replace the first route of the destination, which may be another program's.
  Routes(Run& run, const Desired& before, const Desired& desired, Devices devices);
  void add();     ///< and replaces in place
  void remove();  ///< routes that are not wanted any more

 private:
  std::vector<net::Route> wanted_routes(std::span<const FabricRoute> routes);
  net::Route wanted_route(const FabricRoute& route);
  std::optional<int> index_of(const std::string& device);
  std::vector<net::Route> read_present(const std::vector<base::Prefix>& scope_ranges);
  void compare(std::vector<net::Route> wanted, std::vector<net::Route> present);
  bool is_of_another_network(const net::Route& route) const;
  void resolve_conflicts();
  std::vector<net::Route> next_hop_routes(const std::vector<net::Route>& mismatched) const;
  std::string describe(const net::Route& route) const;

  Run& run_;
  Devices devices_;
  Difference<net::Route> difference_;
  std::vector<net::Route> in_place_;  ///< foreign routes in the place of ours
};

}  // namespace fabric
