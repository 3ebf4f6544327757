// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/network.h"

#include <sys/socket.h>

#include <stdexcept>
#include <string>

#include "libcni/json/object.h"
#include "libcni/spec/error.h"

namespace agent::etcd {
namespace {

using cni::Code;
using json::Object;

/// flannel's keys for each family.
struct Keys {
  bool v4;
  const char *network, *length, *min, *max;
  int usual_length, longest;
};
constexpr Keys kV4{true, "Network", "SubnetLen", "SubnetMin", "SubnetMax", 24, 30};
constexpr Keys kV6{false, "IPv6Network", "IPv6SubnetLen", "IPv6SubnetMin", "IPv6SubnetMax", 64,
                   126};
// Port 0 means the default of Linux's vxlan module (flannel, vxlan backend).
constexpr std::uint16_t kKernelPort = 8472;
// 50 bytes for the tunnel and the smallest MTU of IPv4 (RFC 1122, section 3.3.3).
constexpr std::int64_t kLeastMtu = 576 + 50, kMostMtu = 65535;
constexpr std::int64_t kMaxVni = (1 << 24) - 1;

int length_of(const Object& config, const Keys& keys, const base::Prefix& network) {
  // A quarter, because the first range is not given away and halves would leave one node.
  const int quarter = network.length + 2;
  const auto given = config.find_int(keys.length);
  if (!given.value_or(0)) {
    if (quarter > keys.longest)
      config.refuse(keys.network, "a network of at least four ranges", Code::invalid_config);
    return std::max(keys.usual_length, quarter);
  }
  if (*given < quarter || *given > keys.longest)
    config.refuse(keys.length,
                  "between " + std::to_string(quarter) + " and " + std::to_string(keys.longest),
                  Code::invalid_config);
  return static_cast<int>(*given);
}

std::uint64_t bound_of(const Object& config, const char* key, const Pool& pool,
                       std::uint64_t otherwise) {
  const auto text = config.find_string(key);
  if (!text) return otherwise;
  const auto address = base::IpAddress::parse(*text);
  if (address && address->is_unspecified()) return otherwise;
  if (!address || !pool.network.contains(*address) ||
      range_of(pool, number_of(pool, *address)).address != *address)
    config.refuse(
        key, "the base address of a /" + std::to_string(pool.length) + " in " + pool.network.text(),
        Code::invalid_config);
  return number_of(pool, *address);
}

Pool parse_pool(const Object& config, const Keys& keys) {
  const auto network = base::Prefix::parse(config.get_string(keys.network));
  if (!network || network->address.is_v4() != keys.v4)
    config.refuse(keys.network, keys.v4 ? "an IPv4 network" : "an IPv6 network",
                  Code::invalid_config);
  Pool pool;
  try {
    pool = make_pool(*network, length_of(config, keys, network->network()));
  } catch (const std::invalid_argument& error) {
    throw cni::Error(Code::invalid_config, error.what());
  }
  pool.first = bound_of(config, keys.min, pool, 1);
  pool.last = bound_of(config, keys.max, pool, pool.last);
  if (pool.first > pool.last)
    config.refuse(keys.min, std::string("at most ") + keys.max, Code::invalid_config);
  return pool;
}

void parse_backend(const Object& backend, NetworkDefaults& defaults) {
  const std::string type = backend.get_string("Type");
  const auto word = fabric::find_backend(type);
  if (!word) backend.refuse("Type", "\"vxlan\", \"host-gw\", \"bgp\" or \"auto\"");
  const bool direct = backend.get_bool("DirectRouting");
  defaults.backend = *word == fabric::Backend::vxlan && direct ? fabric::Backend::automatic : *word;
  if (*word != fabric::Backend::vxlan && *word != fabric::Backend::automatic) return;
  const std::int64_t vni = backend.find_int("VNI").value_or(1);
  if (vni < 1 || vni > kMaxVni)
    backend.refuse("VNI", "between 1 and 16777215", Code::invalid_config);
  const std::int64_t port = backend.find_int("Port").value_or(0);
  if (port < 0 || port > UINT16_MAX)
    backend.refuse("Port", "between 0 and 65535", Code::invalid_config);
  const std::int64_t mtu = backend.find_int("MTU").value_or(0);
  if (mtu != 0 && (mtu < kLeastMtu || mtu > kMostMtu))
    backend.refuse("MTU", "of the packets between the nodes, between 626 and 65535",
                   Code::invalid_config);
  if (mtu != 0) defaults.underlay_mtu = static_cast<int>(mtu);
  defaults.vni = static_cast<std::uint32_t>(vni);
  defaults.port = port == 0 ? kKernelPort : static_cast<std::uint16_t>(port);
}

}  // namespace

Network parse_network(std::string_view text, std::string_view what) {
  Network network;
  try {
    const Object config = Object::parse(text, what);
    if (config.get_bool("EnableIPv4", true)) network.pools.push_back(parse_pool(config, kV4));
    if (config.get_bool("EnableIPv6")) network.pools.push_back(parse_pool(config, kV6));
    if (const auto backend = config.find_object("Backend"))
      parse_backend(*backend, network.defaults);
  } catch (const cni::Error& error) {
    const std::string message = error.what();
    if (message.starts_with(what)) throw;
    throw cni::Error(error.code(), std::string(what) + ": " + message);
  }
  for (const Pool& pool : network.pools) network.defaults.cluster_ranges.push_back(pool.network);
  return network;
}

std::vector<Pool> pools_of(const Config& config) {
  std::vector<Pool> pools;
  for (const base::Prefix& network : config.fabric.cluster_ranges) {
    const auto found = config.range_lengths.find(network.address.family());
    const int usual =
        std::max(network.address.is_v4() ? kV4.usual_length : kV6.usual_length, network.length + 2);
    try {
      pools.push_back(
          make_pool(network, found != config.range_lengths.end() ? found->second : usual));
    } catch (const std::invalid_argument& error) {
      throw cni::Error(Code::invalid_config, error.what());
    }
  }
  return pools;
}

}  // namespace agent::etcd
