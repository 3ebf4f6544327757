// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/driver/cases.h"

#include <algorithm>

namespace bench {

namespace {

/// Plugins behind bridge.
std::vector<Case> chained_cases() {
  return {
      {.name = "portmap",
       .title = "portmap, 1 port, empty node",
       .kind = Kind::kPortmap,
       .iterations = 60,
       .quick_iterations = 12},
      {.name = "portmap-500",
       .title = "portmap, 1 port, 500 mappings present",
       .kind = Kind::kPortmap,
       .mappings = 500,
       .iterations = 60,
       .quick_iterations = 12,
       .quick_reference = false},
      {.name = "tuning",
       .title = "tuning, 2 sysctls, MAC address, MTU, 2 modes",
       .kind = Kind::kTuning,
       .iterations = 60,
       .quick_iterations = 12},
      {.name = "firewall",
       .title = "firewall, empty node",
       .kind = Kind::kFirewall,
       .iterations = 60,
       .quick_iterations = 12},
      {.name = "firewall-500",
       .title = "firewall, 500 pods present",
       .kind = Kind::kFirewall,
       .mappings = 500,
       .iterations = 60,
       .quick_iterations = 12,
       .quick_reference = false},
      {.name = "bandwidth",
       .title = "bandwidth, both directions, empty node",
       .kind = Kind::kBandwidth,
       .iterations = 60,
       .quick_iterations = 12},
      {.name = "bandwidth-500",
       .title = "bandwidth, both directions, 500 pods present",
       .kind = Kind::kBandwidth,
       .limited = 500,
       .iterations = 60,
       .quick_iterations = 12,
       .quick_reference = false},
  };
}

std::vector<Case> other_cases() {
  return {
      {.name = "loopback",
       .title = "loopback",
       .kind = Kind::kLoopback,
       .iterations = 100,
       .quick_iterations = 20},
      {.name = "bridge", .title = "bridge + host-local", .iterations = 100, .quick_iterations = 30},
      {.name = "bridge-masq",
       .title = "bridge + host-local, ipMasq",
       .masq = true,
       .iterations = 60,
       .quick_iterations = 15},
      {.name = "bridge-dual-masq",
       .title = "bridge + host-local, dual-stack, ipMasq",
       .dual = true,
       .masq = true,
       .iterations = 60,
       .quick_iterations = 12},
      {.name = "bridge-spoof-check",
       .title = "bridge + host-local, dual-stack, ipMasq, spoofCheck",
       .dual = true,
       .masq = true,
       .spoof_check = true,
       .iterations = 60,
       .quick_iterations = 12},
      {.name = "ptp-dual",
       .title = "ptp + host-local, dual-stack",
       .kind = Kind::kPtp,
       .dual = true,
       .iterations = 15,
       .quick_iterations = 3},
      {.name = "macvlan",
       .title = "macvlan + host-local",
       .kind = Kind::kMacvlan,
       .iterations = 60,
       .quick_iterations = 12},
      {.name = "podman",
       .title = "podman's chain: bridge, portmap, firewall, tuning",
       .behind = {Kind::kPortmap, Kind::kFirewall, Kind::kTuning},
       .masq = true,
       .iterations = 40,
       .quick_iterations = 8},
      {.name = "host-local-0",
       .title = "host-local, 0 reservations",
       .kind = Kind::kHostLocal,
       .iterations = 100,
       .quick_iterations = 20},
      {.name = "host-local-10k",
       .title = "host-local, 10 000 reservations",
       .kind = Kind::kHostLocal,
       .reservations = 10000,
       .iterations = 60,
       .quick_iterations = 10},
      {.name = "host-local-50k",
       .title = "host-local, 50 000 reservations",
       .kind = Kind::kHostLocal,
       .reservations = 50000,
       .iterations = 30,
       .quick_iterations = 4},
      {.name = "parallel",
       .title = "100 pods, 32 at a time: bridge + host-local, ipMasq",
       .masq = true,
       .pods = 100,
       .iterations = 7,
       .quick_iterations = 1},
  };
}

}  // namespace

std::vector<Case> all_cases() {
  std::vector<Case> cases = other_cases();
  const std::vector<Case> chained = chained_cases();
  // In the order of the table: before host-local.
  const auto place = std::ranges::find(cases, Kind::kHostLocal, &Case::kind);
  cases.insert(place, chained.begin(), chained.end());
  return cases;
}

}  // namespace bench
