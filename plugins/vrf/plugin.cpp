// SPDX-License-Identifier: Apache-2.0
#include "plugins/vrf/plugin.h"

#include <span>

#include "plugins/vrf/apply.h"
#include "plugins/vrf/conf.h"

namespace vrf {
namespace {

/// From 0.3.1 on, as the reference's.
constexpr auto kSupported = std::span(cni::kVersions).subspan(3);
static_assert(kSupported[0] == cni::Version{0, 3, 1});

}  // namespace

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{.name = "vrf",
                                   .add = add,
                                   .del = remove,
                                   .check = verify,
                                   .status = report_status,
                                   .versions = kSupported,
                                   .chained = true,
                                   .parse = [](const cni::Request& r) { parse_conf(r); },
                                   .keys = kKeys};
  return kPlugin;
}

}  // namespace vrf
