// SPDX-License-Identifier: Apache-2.0
#include "plugins/tap/conf.h"

#include <cstdint>
#include <optional>

#include "libcni/plugin/conf.h"

namespace tap {
namespace {

/// A user or group ID. The kernel reserves the last number for "none".
std::optional<std::uint32_t> parse_id(const json::Object& config, const std::string& key) {
  const auto id = config.find_int(key);
  if (!id) return std::nullopt;
  if (*id < 0 || *id >= UINT32_MAX) config.refuse(key, "0 to 4294967294");
  return static_cast<std::uint32_t>(*id);
}

/// A context is one line of the kernel's file: a NUL would end it.
std::string parse_context(const json::Object& config) {
  const std::string context = config.get_string("selinuxContext");
  constexpr std::size_t kMost = 4095;  // a page
  if (context.size() > kMost || context.find('\0') != std::string::npos)
    config.refuse("selinuxContext", "a context of at most 4095 bytes without NUL");
  return context;
}

}  // namespace

Conf parse_conf(const cni::Request& request) {
  const json::Object& config = request.config;
  Conf conf{.upper = {.kind = "tun",
                      .mtu = cni::find_mtu(config),
                      .mac = cni::find_mac(request),
                      .accept_ra = config.get_bool("acceptRa"),
                      .dns = cni::find_dns(config),
                      .reach = attach::Reach::wire},
            .tap = {.multi_queue = config.get_bool("multiQueue"),
                    .owner = parse_id(config, "owner"),
                    .group = parse_id(config, "group")},
            .bridge = config.get_string("bridge"),
            .selinux_context = parse_context(config)};
  if (!conf.bridge.empty()) cni::require_ifname(config, "bridge", conf.bridge);
  // The flags of the reference, on which VM monitors depend: it makes a device with an owner and a
  // group by another library than others.
  if (conf.tap.owner && conf.tap.group && conf.selinux_context.empty()) {
    conf.tap.vnet_header = true;
    conf.tap.packet_info = !conf.tap.multi_queue;
  }
  return conf;
}

}  // namespace tap
