// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/traffic_sets.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

namespace fabric {
namespace {

TunnelShape shape_of(const TunnelSource& source) {
  return {source.sender.family(), source.inner.address.family(), source.inner.length};
}

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

/// The elements of `shape`'s set.
WantedSet set_of_sources(const TunnelShape& shape, const std::vector<TunnelSource>& sources) {
  WantedSet wanted{{.name = set_name(shape),
                    .key = {nft::address_type(shape.outer), nft::address_type(shape.inner)}}};
  for (const TunnelSource& source : sources) {
    if (shape_of(source) != shape) continue;
    nft::Bytes key;
    nft::append(nft::append(key, source.sender), source.inner.address);
    wanted.keys.push_back(set_key(key));
  }
  std::ranges::sort(wanted.keys);
  wanted.keys.erase(std::unique(wanted.keys.begin(), wanted.keys.end()), wanted.keys.end());
  return wanted;
}

}  // namespace

std::set<TunnelShape> shapes_of(const Traffic& traffic) {
  std::set<TunnelShape> shapes;
  for (const TunnelSource& source : traffic.tunnel_sources) shapes.insert(shape_of(source));
  return shapes;
}

std::string set_name(const TunnelShape& shape) {
  const auto digit = [](int family) { return family == AF_INET ? "4" : "6"; };
  return std::string("sources") + digit(shape.inner) + "in" + digit(shape.outer) + "_" +
         std::to_string(shape.length);
}

std::set<TunnelShape> find_shapes(const std::vector<std::string>& names) {
  std::set<TunnelShape> shapes;
  for (const int outer : {AF_INET, AF_INET6})
    for (const int inner : {AF_INET, AF_INET6})
      for (int length = 0; length <= (inner == AF_INET ? 32 : 128); ++length)
        if (const TunnelShape shape{outer, inner, length};
            std::ranges::find(names, set_name(shape)) != names.end())
          shapes.insert(shape);
  return shapes;
}

SetKey set_key(std::span<const std::uint8_t> bytes, bool end) {
  SetKey key{.end = end};
  key.size = static_cast<std::uint8_t>(std::min(bytes.size(), key.bytes.size()));
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

std::vector<WantedSet> wanted_sets(const Traffic& traffic, const std::set<TunnelShape>& shapes) {
  const bool tunnels = !traffic.vxlan_ports.empty() && !traffic.vnis.empty();
  std::vector<base::Prefix> direct = traffic.cluster_ranges;
  direct.insert(direct.end(), traffic.own_ranges.begin(), traffic.own_ranges.end());
  direct.insert(direct.end(), traffic.no_masquerade.begin(), traffic.no_masquerade.end());
  std::vector<WantedSet> sets;
  for (const int family : {AF_INET, AF_INET6}) {
    if (tunnels || traffic.masquerade || traffic.bgp)
      sets.push_back(set_of_ranges("own", family, traffic.own_ranges));
    if (traffic.masquerade) sets.push_back(set_of_ranges("direct", family, direct));
    if (tunnels) sets.push_back(set_of_addresses("vteps", family, traffic.vteps));
  }
  if (traffic.bgp)
    for (const int family : {AF_INET, AF_INET6})
      sets.push_back(set_of_addresses("speakers", family, traffic.speakers));
  if (tunnels)
    for (const TunnelShape& shape : shapes)
      sets.push_back(set_of_sources(shape, traffic.tunnel_sources));
  return sets;
}

}  // namespace fabric
