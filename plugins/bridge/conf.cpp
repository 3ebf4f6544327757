// SPDX-License-Identifier: Apache-2.0
#include "plugins/bridge/conf.h"

#include <algorithm>
#include <set>

#include "libcni/attach/masquerade.h"
#include "libcni/attach/rules.h"
#include "libcni/plugin/conf.h"

namespace bridge {
namespace {

constexpr std::int64_t kLastVlan = 4094;

[[noreturn]] void refuse(const std::string& why, const std::string& details = {}) {
  throw cni::Error(cni::Code::invalid_config, why, details);
}

std::uint16_t parse_vlan(const json::Object& config) {
  const auto vlan = config.find_int("vlan").value_or(0);
  if (vlan < 0 || vlan > kLastVlan)
    refuse("invalid VLAN ID " + std::to_string(vlan) + " (must be between 0 and 4094)", "key vlan");
  return static_cast<std::uint16_t>(vlan);
}

/// One of the three keys of a trunk entry: 1 to 4094 where present.
std::optional<std::uint16_t> trunk_id(const json::Object& entry, const char* key,
                                      const char* what) {
  const auto id = entry.find_int(key);
  if (!id) return std::nullopt;
  if (*id < 1 || *id > kLastVlan)
    refuse(std::string("incorrect trunk ") + what + " parameter",
           entry.path_of(key) + " is " + std::to_string(*id) + ", must be 1 to 4094");
  return static_cast<std::uint16_t>(*id);
}

std::vector<std::uint16_t> parse_trunk(const std::vector<json::Object>& entries) {
  std::set<std::uint16_t> ids;
  for (const json::Object& entry : entries) {
    const auto first = trunk_id(entry, "minID", "minID");
    const auto last = trunk_id(entry, "maxID", "maxID");
    const std::string together = "minID and maxID should be configured simultaneously, ";
    if (first && !last) refuse(together + "maxID is missing", entry.path());
    if (last && !first) refuse(together + "minID is missing", entry.path());
    if (first && *first > *last)
      refuse("minID is greater than maxID in trunk parameter", entry.path());
    if (first)
      for (std::uint16_t id = *first; id <= *last; ++id) ids.insert(id);
    if (const auto id = trunk_id(entry, "id", "id")) ids.insert(*id);
  }
  return {ids.begin(), ids.end()};
}

bool has_ipam(const json::Object& config) {
  return !config.get_object("ipam").get_string("type").empty();
}

void refuse_contradictions(const Conf& conf, const cni::Request& request) {
  const bool layer2 = !has_ipam(request.config);
  if (conf.hairpin && conf.promisc)
    refuse("cannot set hairpin mode and promiscuous mode at the same time",
           "keys hairpinMode and promiscMode");
  if (conf.disable_container_interface && !layer2)
    refuse("cannot use IPAM when DisableContainerInterface flag is set",
           "keys disableContainerInterface and ipam");
  if (conf.spoof_check && (layer2 || !conf.trunk.empty()))
    refuse(
        "spoofCheck needs to know all addresses of the pod: it works with ipam and without "
        "vlanTrunk",
        "key macspoofchk checks the MAC address alone");
  if (layer2 && request.version < cni::Version{0, 3, 0})
    refuse("cniVersion " + request.version.text() + " cannot express a result without addresses",
           "configure ipam, or cniVersion 0.3.0 or later");
}

}  // namespace

Conf parse_conf_for_removal(const cni::Request& request) {
  Conf conf;
  conf.bridge = request.config.get_string("bridge", conf.bridge);
  if (conf.bridge.empty()) conf.bridge = "cni0";
  conf.ip_masq = request.config.get_bool("ipMasq");
  conf.mac_spoof_check = request.config.get_bool("macspoofchk");
  return conf;
}

Conf parse_conf(const cni::Request& request) {
  const json::Object& config = request.config;
  Conf conf = parse_conf_for_removal(request);
  cni::require_ifname(config, "bridge", conf.bridge);
  conf.is_default_gateway = config.get_bool("isDefaultGateway");
  conf.is_gateway = config.get_bool("isGateway") || conf.is_default_gateway;
  conf.force_address = config.get_bool("forceAddress");
  for (const std::string& text :
       config.find_strings("otherRanges").value_or(std::vector<std::string>{})) {
    const auto range = base::Prefix::parse(text);
    if (!range) config.refuse("otherRanges", "ranges such as 10.22.0.0/24");
    conf.other_ranges.push_back(range->network());
  }
  conf.masq_backend = attach::parse_masquerade_backend(config.get_string("ipMasqBackend"));
  conf.mtu = cni::find_mtu(config);
  conf.hairpin = config.get_bool("hairpinMode");
  conf.promisc = config.get_bool("promiscMode");
  conf.vlan = parse_vlan(config);
  const auto trunk = config.find_objects("vlanTrunk");
  conf.has_trunk = trunk.has_value();
  if (trunk) conf.trunk = parse_trunk(*trunk);
  conf.preserve_default_vlan = config.get_bool("preserveDefaultVlan");
  conf.enable_dad = config.get_bool("enabledad");
  // Without IPAM the pod may depend on routers of the physical network for its addresses.
  conf.accept_ra = config.get_bool("acceptRa", !has_ipam(config));
  conf.disable_container_interface = config.get_bool("disableContainerInterface");
  conf.port_isolation = config.get_bool("portIsolation");
  conf.mac = cni::find_requested_mac(request);
  conf.dns = cni::find_dns(config);
  conf.spoof_check = attach::parse_spoof_check(config, false);
  refuse_contradictions(conf, request);
  return conf;
}

}  // namespace bridge
