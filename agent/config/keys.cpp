// SPDX-License-Identifier: Apache-2.0
#include "agent/config/keys.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "libcni/base/nearest.h"

namespace agent {
namespace {

constexpr auto kKeys = std::to_array<std::string_view>({
    "node",
    "interface",
    "addresses",
    "ranges",
    "network",
    "network.ranges",
    "network.noMasquerade",
    "network.masquerade",
    "network.rangeLengths",
    "network.rangeLengths.ipv4",
    "network.rangeLengths.ipv6",
    "backend",
    "underlay",
    "mtu",
    "vxlan",
    "vxlan.vni",
    "vxlan.port",
    "vxlan.device",
    "vxlan.flannel",
    "source",
    "file",
    "file.path",
    "etcd",
    "etcd.endpoints",
    "etcd.prefix",
    "etcd.caFile",
    "etcd.certFile",
    "etcd.keyFile",
    "etcd.username",
    "etcd.passwordFile",
    "etcd.insecure",
    "etcd.leaseSeconds",
    "kubernetes",
    "kubernetes.kubeconfig",
    "kubernetes.serviceAccount",
    "kubernetes.server",
    "kubernetes.insecure",
    "kubernetes.annotationPrefix",
    "bgp",
    "bgp.asNumber",
    "bgp.mesh",
    "bgp.reflectors",
    "bgp.reflectors.*",
    "bgp.bfd",
    "bgp.bfdIntervalMs",
    "bgp.bfdMultiplier",
    "bgp.holdSeconds",
    "bgp.gracefulRestart",
    "bgp.connectJitterSeconds",
    "bgp.passwordFile",
    "bgp.ttlSecurity",
    "bgp.communities",
    "bgp.clusterIPs",
    "bgp.externalIPs",
    "bgp.loadBalancerIPs",
    "bgp.floatingRanges",
    "bgp.birdConfig",
    "bgp.birdSocket",
    "bgp.birdGroup",
    "bgp.peers",
    "bgp.peers[].name",
    "bgp.peers[].address",
    "bgp.peers[].asNumber",
    "bgp.peers[].localAS",
    "bgp.peers[].port",
    "bgp.peers[].nodes",
    "bgp.peers[].nodes.*",
    "bgp.peers[].node",
    "bgp.peers[].passwordFile",
    "bgp.peers[].ttlSecurity",
    "bgp.peers[].multihop",
    "bgp.peers[].bfd",
    "bgp.peers[].holdSeconds",
    "bgp.peers[].communities",
    "bgp.peers[].importRanges",
    "policies",
    "policies.folder",
    "runDir",
    "stateDir",
    "cniConf",
    "cniTemplate",
    "listen",
    "resyncSeconds",
    "safetySeconds",
    "logLevel",
    "log",
    "log.format",
});

/// `bgp.peers[3]` as the table writes it: `bgp.peers[]`.
std::string pattern_of(std::string_view path) {
  std::string pattern;
  for (const char c : path)
    if (!(std::isdigit(static_cast<unsigned char>(c)) != 0 && !pattern.empty() &&
          pattern.back() == '['))
      pattern += c;
  return pattern;
}

std::vector<std::string_view> keys_below(std::string_view path) {
  const std::string parent = path.empty() ? "" : pattern_of(path) + ".";
  std::vector<std::string_view> found;
  for (const std::string_view key : kKeys) {
    if (!key.starts_with(parent)) continue;
    const auto rest = key.substr(parent.size());
    if (rest.find('.') == rest.npos) found.push_back(rest);
  }
  return found;
}

}  // namespace

std::span<const std::string_view> config_keys() {
  return kKeys;
}

bool is_config_key(std::string_view path, std::string_view key) {
  const auto known = keys_below(path);
  return std::ranges::any_of(known, [&](auto k) { return k == key || k == "*"; });
}

std::string config_key_hint(std::string_view path, std::string_view key) {
  return base::did_you_mean(key, keys_below(path));
}

std::string environment_name(std::string_view key) {
  std::string name = "PLUMB_";
  bool lower = false;
  for (const char c : key) {
    const auto u = static_cast<unsigned char>(c);
    if (std::isupper(u) != 0 && lower) name += '_';
    lower = std::islower(u) != 0 || std::isdigit(u) != 0;
    name += c == '.' ? '_' : static_cast<char>(std::toupper(u));
  }
  return name;
}

}  // namespace agent
