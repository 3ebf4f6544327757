// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/remote_ends.h"

#include <span>
#include <tuple>

namespace fabric {
namespace {

/// A MAC has one remote; only the all-zero MAC, for floods, has many.
auto fdb_key(const net::VxlanFdbEntry& entry) {
  const std::uint64_t mac = entry.mac.number();
  return std::tuple(mac, mac == 0 ? entry.remote : base::IpAddress{});
}
auto neighbor_key(const net::Neighbor& neighbor) {
  return neighbor.address;
}

std::vector<net::VxlanFdbEntry> entries_of(std::span<const FdbEntry> fdb) {
  std::vector<net::VxlanFdbEntry> entries;
  entries.reserve(fdb.size());
  for (const FdbEntry& entry : fdb) entries.push_back({entry.mac, entry.remote});
  return entries;
}

std::vector<net::Neighbor> entries_of(std::span<const NeighborEntry> neighbors) {
  std::vector<net::Neighbor> entries;
  entries.reserve(neighbors.size());
  for (const NeighborEntry& entry : neighbors)
    entries.push_back({entry.address, entry.mac, kProtocolNeighbor});
  return entries;
}

}  // namespace

RemoteEnds::RemoteEnds(Run& run, const Overlay& overlay, int index)
    : run_(run), device_(overlay.device.name), index_(index) {
  run_.recorder().want(overlay.fdb.size() + overlay.neighbors.size());
  const bool exists = index != 0;
  compare(entries_of(overlay.fdb), exists ? net::list_vxlan_fdb(run_.netlink(), index) : Fdb{});
  compare(entries_of(overlay.neighbors),
          exists ? net::list_neighbors(run_.netlink(), index) : Neighbors{});
}

RemoteEnds::RemoteEnds(Run& run, const Overlay& before, const Overlay& overlay, int index)
    : run_(run), device_(overlay.device.name), index_(index) {
  const auto [old_fdb, new_fdb] = trim_common<FdbEntry>(before.fdb, overlay.fdb);
  compare(entries_of(new_fdb), entries_of(old_fdb));
  const auto [old_neighbors, new_neighbors] =
      trim_common<NeighborEntry>(before.neighbors, overlay.neighbors);
  compare(entries_of(new_neighbors), entries_of(old_neighbors));
}

void RemoteEnds::compare(Fdb wanted, Fdb present) {
  fdb_ = difference(wanted, present, fdb_key, std::equal_to<>{});
  std::erase_if(fdb_.remove, [](const net::VxlanFdbEntry& entry) { return !entry.permanent; });
}

void RemoteEnds::compare(Neighbors wanted, Neighbors present) {
  neighbors_ = difference(wanted, present, neighbor_key, std::equal_to<>{});
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
