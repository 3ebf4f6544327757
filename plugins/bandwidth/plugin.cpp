// SPDX-License-Identifier: Apache-2.0
#include "plugins/bandwidth/plugin.h"

#include <span>

#include "plugins/bandwidth/apply.h"
#include "plugins/bandwidth/conf.h"

namespace bandwidth {
namespace {

/// From 0.3.0 on: older versions have no prevResult.
constexpr auto kFromChains = std::span(cni::kVersions).subspan(2);
static_assert(kFromChains[0] == cni::Version{0, 3, 0});

}  // namespace

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{.name = "bandwidth",
                                   .add = add,
                                   .del = remove,
                                   .check = verify,
                                   .gc = collect_garbage,
                                   .status = report_status,
                                   .versions = kFromChains,
                                   .chained = true,
                                   .parse = [](const cni::Request& r) { parse_conf(r); },
                                   .keys = kKeys};
  return kPlugin;
}

}  // namespace bandwidth
