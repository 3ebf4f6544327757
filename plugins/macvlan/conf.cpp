// SPDX-License-Identifier: Apache-2.0
#include "plugins/macvlan/conf.h"

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "libcni/plugin/conf.h"

namespace macvlan {
namespace {

using Mode = net::MacvlanMode;

constexpr std::array<std::pair<const char*, Mode>, 4> kModes{{{"bridge", Mode::bridge},
                                                              {"private", Mode::isolated},
                                                              {"vepa", Mode::vepa},
                                                              {"passthru", Mode::passthru}}};

Mode parse_mode(const json::Object& config) {
  std::string name = config.get_string("mode");
  if (name.empty()) name = "bridge";
  for (const auto& [known, mode] : kModes)
    if (name == known) return mode;
  throw cni::Error(cni::Code::invalid_config, "unknown macvlan mode: " + json::quote(name),
                   "key mode must be bridge, private, vepa or passthru");
}

std::optional<std::uint32_t> parse_queue_length(const json::Object& config) {
  const auto length = config.find_uint("bcqueuelen").value_or(0);
  if (length > UINT32_MAX) config.refuse("bcqueuelen", "0 to 4294967295");
  if (length == 0) return std::nullopt;
  return static_cast<std::uint32_t>(length);
}

}  // namespace

std::string all_keys() {
  return "mode:string(bridge|private|vepa|passthru) mac:string bcqueuelen:uint(0..4294967295) " +
         std::string(attach::kUpperKeys);
}

std::string name_of(net::MacvlanMode mode) {
  for (const auto& [name, known] : kModes)
    if (mode == known) return name;
  return std::to_string(static_cast<std::uint32_t>(mode));
}

Conf parse_conf(const cni::Request& request) {
  Conf conf{.upper = attach::parse_upper(request, "macvlan"), .mode = parse_mode(request.config)};
  conf.upper.mac = cni::find_mac(request);
  conf.upper.put_data = net::macvlan_data(conf.mode, parse_queue_length(request.config));
  return conf;
}

}  // namespace macvlan
