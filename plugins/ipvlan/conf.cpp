// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipvlan/conf.h"

#include <algorithm>
#include <array>
#include <utility>

#include "libcni/plugin/delegate.h"

namespace ipvlan {
namespace {

using Mode = net::IpvlanMode;

constexpr std::array<std::pair<const char*, Mode>, 3> kModes{
    {{"l2", Mode::l2}, {"l3", Mode::l3}, {"l3s", Mode::l3s}}};

Mode parse_mode(const json::Object& config) {
  std::string name = config.get_string("mode");
  if (name.empty()) name = "l2";
  for (const auto& [known, mode] : kModes)
    if (name == known) return mode;
  throw cni::Error(cni::Code::invalid_config, "unknown ipvlan mode: " + json::quote(name),
                   "key mode must be l2, l3 or l3s");
}

/// The link that the plugin before this one has made.
std::string master_of(const cni::Result& previous) {
  if (previous.interfaces.size() == 1 && !previous.interfaces[0].name.empty())
    return previous.interfaces[0].name;
  throw cni::Error(cni::Code::invalid_config,
                   "chained master failure. PrevResult lacks a single named interface",
                   "name a link in key master");
}

}  // namespace

std::string all_keys() {
  return "mode:string(l2|l3|l3s) " + std::string(attach::kUpperKeys);
}

std::string name_of(net::IpvlanMode mode) {
  for (const auto& [name, known] : kModes)
    if (mode == known) return name;
  return std::to_string(static_cast<int>(mode));
}

Conf parse_conf(const cni::Request& request) {
  Conf conf{.upper = attach::parse_upper(request, "ipvlan"), .mode = parse_mode(request.config)};
  conf.upper.put_data = net::ipvlan_data(conf.mode);
  // CHECK gets the result of this plugin itself.
  if (request.verb != cni::Verb::add || !request.prev_result) return conf;
  if (conf.upper.master.empty()) conf.upper.master = master_of(*request.prev_result);
  conf.takes_addresses = !cni::Ipam(request).configured() && !request.prev_result->ips.empty();
  return conf;
}

}  // namespace ipvlan
