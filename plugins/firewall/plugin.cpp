// SPDX-License-Identifier: Apache-2.0
#include "plugins/firewall/plugin.h"

#include <span>

#include "libcni/spec/version.h"
#include "plugins/firewall/apply.h"
#include "plugins/firewall/conf.h"

namespace firewall {
namespace {

/// The reference's begin with 0.4.0, too.
constexpr std::span<const cni::Version> kSupported = std::span(cni::kVersions).subspan(4);

}  // namespace

const cni::Plugin& plugin() {
  static const cni::Plugin kPlugin{
      .name = "firewall",
      .add = firewall_plugin::add,
      .del = firewall_plugin::remove,
      .check = firewall_plugin::verify,
      .gc = firewall_plugin::collect_garbage,
      .status = firewall_plugin::report_status,
      .versions = kSupported,
      .chained = true,
      .parse = [](const cni::Request& r) { firewall_plugin::parse_conf(r); },
      .keys = firewall_plugin::kKeys,
      .opens_sandbox = false};
  return kPlugin;
}

}  // namespace firewall
