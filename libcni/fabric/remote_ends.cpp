// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/remote_ends.h"

#include <tuple>

namespace fabric {
namespace {

/// A MAC has one remote; only the all-zero one, for floods, has many.
auto fdb_key(const net::VxlanFdbEntry& entry) {
  const std::uint64_t mac = entry.mac.number();
  return std::tuple(mac, mac == 0 ? entry.remote : base::IpAddress{});
}
auto neighbor_key(const net::Neighbor& neighbor) {
  return neighbor.address;
}

}  // namespace

RemoteEnds::RemoteEnds(Run& run, const Overlay& overlay, int index)
    : run_(run), device_(overlay.device.name), index_(index) {
  std::vector<net::VxlanFdbEntry> fdb;
  fdb.reserve(overlay.fdb.size());
  for (const FdbEntry& entry : overlay.fdb) fdb.push_back({entry.mac, entry.remote});
  std::vector<net::Neighbor> neighbors;
  neighbors.reserve(overlay.neighbors.size());
  for (const NeighborEntry& entry : overlay.neighbors)
    neighbors.push_back({entry.address, entry.mac, kProtocolNeighbor});
  run_.want(fdb.size() + neighbors.size());

  std::vector<net::VxlanFdbEntry> present_fdb;
  std::vector<net::Neighbor> present_neighbors;
  if (index != 0) {
    present_fdb = net::list_vxlan_fdb(run_.netlink(), index);
    present_neighbors = net::list_neighbors(run_.netlink(), index);
  }
  fdb_ = difference(fdb, present_fdb, fdb_key, std::equal_to<>{});
  neighbors_ = difference(neighbors, present_neighbors, neighbor_key, std::equal_to<>{});
  std::erase_if(fdb_.remove, [](const net::VxlanFdbEntry& entry) { return !entry.permanent; });
  std::erase_if(neighbors_.remove, [](const net::Neighbor& neighbor) {
    return neighbor.protocol != kProtocolNeighbor;
  });
}

std::string RemoteEnds::describe(const net::VxlanFdbEntry& entry) const {
  return "fdb " + entry.mac.text() + " dev " + device_ + " dst " + entry.remote.text();
}

std::string RemoteEnds::describe(const net::Neighbor& neighbor) const {
  return "neighbour " + neighbor.address.text() + " lladdr " + neighbor.mac.text() + " dev " +
         device_;
}

void RemoteEnds::add() {
  const auto text = [this](const auto& object) { return describe(object); };
  const auto put_fdb = [this](net::Pipeline& pipeline, const net::VxlanFdbEntry& entry) {
    net::put_vxlan_fdb(pipeline, index_, entry);
  };
  const auto put_neighbor = [this](net::Pipeline& pipeline, const net::Neighbor& neighbor) {
    net::put_neighbor(pipeline, index_, neighbor);
  };
  run_.change_all(Change::What::add, fdb_.add, text, put_fdb);
  run_.change_all(Change::What::replace, fdb_.replace, text, put_fdb);
  run_.change_all(Change::What::add, neighbors_.add, text, put_neighbor);
  run_.change_all(Change::What::replace, neighbors_.replace, text, put_neighbor);
}

void RemoteEnds::remove() {
  const auto text = [this](const auto& object) { return describe(object); };
  run_.change_all(Change::What::remove, neighbors_.remove, text,
                  [this](net::Pipeline& pipeline, const net::Neighbor& neighbor) {
                    net::remove_neighbor(pipeline, index_, neighbor);
                  });
  run_.change_all(Change::What::remove, fdb_.remove, text,
                  [this](net::Pipeline& pipeline, const net::VxlanFdbEntry& entry) {
                    net::remove_vxlan_fdb(pipeline, index_, entry);
                  });
}

}  // namespace fabric
