// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/traffic_sets.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

namespace fabric {
namespace {

WantedSet set_of_ranges(const std::string& name, int family, std::vector<base::Prefix> ranges) {
  WantedSet wanted{{.name = name + (family == AF_INET ? "4" : "6"),
                    .key = {nft::address_type(family)},
                    .intervals = true}};
  std::erase_if(ranges,
                [&](const base::Prefix& range) { return range.address.family() != family; });
  std::ranges::sort(ranges, {}, [](const base::Prefix& range) { return range.network().address; });
  // Elements must neither overlap nor touch: such ranges are merged.
  std::optional<base::IpAddress> last;
  const auto close = [&] {
    const base::IpAddress end = last->plus(1);
    if (!end.is_unspecified()) wanted.keys.push_back(set_key(end.bytes(), true));
  };
  for (const base::Prefix& range : ranges) {
    const base::IpAddress first = range.network().address;
    const bool joined = last && (first <= *last || first == last->plus(1));
    if (last && !joined) close();
    if (!joined) wanted.keys.push_back(set_key(first.bytes()));
    last = last ? std::max(*last, range.last()) : range.last();
  }
  if (last) close();
  std::ranges::sort(wanted.keys);
  return wanted;
}

WantedSet set_of_addresses(const std::string& name, int family,
                           const std::vector<base::IpAddress>& addresses) {
  WantedSet wanted{
      {.name = name + (family == AF_INET ? "4" : "6"), .key = {nft::address_type(family)}}};
  for (const base::IpAddress& address : addresses)
    if (address.family() == family) wanted.keys.push_back(set_key(address.bytes()));
  std::ranges::sort(wanted.keys);
  wanted.keys.erase(std::unique(wanted.keys.begin(), wanted.keys.end()), wanted.keys.end());
  return wanted;
}

}  // namespace

SetKey set_key(std::span<const std::uint8_t> bytes, bool end) {
  SetKey key{.size = static_cast<std::uint8_t>(std::min<std::size_t>(bytes.size(), 16)),
             .end = end};
  std::memcpy(key.bytes.data(), bytes.data(), key.size);
  return key;
}

std::vector<SetKey> unite(std::vector<SetKey> a, const std::vector<SetKey>& b, bool intervals) {
  a.insert(a.end(), b.begin(), b.end());
  std::ranges::sort(a);
  if (!intervals) {
    a.erase(std::unique(a.begin(), a.end()), a.end());
    return a;
  }
  std::vector<SetKey> united;
  int open = 0;
  for (const SetKey& key : a) {
    open += key.end ? -1 : 1;
    if (open == (key.end ? 0 : 1)) united.push_back(key);
  }
  return united;
}

std::vector<WantedSet> wanted_sets(const Traffic& traffic) {
  const bool tunnels = !traffic.vxlan_ports.empty() && !traffic.vnis.empty();
  std::vector<base::Prefix> direct = traffic.cluster_ranges;
  direct.insert(direct.end(), traffic.own_ranges.begin(), traffic.own_ranges.end());
  direct.insert(direct.end(), traffic.no_masquerade.begin(), traffic.no_masquerade.end());
  std::vector<WantedSet> sets;
  for (const int family : {AF_INET, AF_INET6}) {
    if (tunnels || traffic.masquerade)
      sets.push_back(set_of_ranges("own", family, traffic.own_ranges));
    if (traffic.masquerade) sets.push_back(set_of_ranges("direct", family, direct));
    if (tunnels) sets.push_back(set_of_addresses("vteps", family, traffic.vteps));
  }
  return sets;
}

}  // namespace fabric
