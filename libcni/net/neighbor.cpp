// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/neighbor.h"

#include <linux/if_bridge.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "libcni/net/attributes.h"

namespace net {
namespace {

/// The attributes of one RTM_NEWNEIGH.
struct Attributes {
  std::optional<base::IpAddress> dst;
  std::optional<base::Mac> mac;
  std::uint8_t protocol = 0;
};

Attributes read(const nlmsghdr& reply) {
  Attributes found;
  for_each_attribute<ndmsg>(reply, [&](const nlattr& a) {
    if (type_of(a) == NDA_DST) found.dst = base::IpAddress::from_bytes(bytes_of(a));
    if (type_of(a) == NDA_PROTOCOL) found.protocol = u8_of(a);
    if (type_of(a) == NDA_LLADDR && bytes_of(a).size() == 6) {
      found.mac.emplace();
      std::ranges::copy(bytes_of(a), found.mac->bytes.begin());
    }
  });
  return found;
}

struct LinkTable {
  int family;
  int index;
};

void dump(Netlink& netlink, const LinkTable& table, const Netlink::OnReply& on_entry,
          const std::function<void()>& restart) {
  const auto [family, index] = table;
  Message message(RTM_GETNEIGH, 0);
  message.extra<ndmsg>().ndm_family = static_cast<std::uint8_t>(family);
  // Since 4.20 the kernel skips other links; older kernels list all of them.
  message.put_u32(NDA_IFINDEX, static_cast<std::uint32_t>(index));
  netlink.dump(
      message, "list neighbours of link " + std::to_string(index),
      [&](const nlmsghdr& reply) {
        const auto* header = header_of<ndmsg>(reply);
        if (header != nullptr && header->ndm_ifindex == table.index) on_entry(reply);
      },
      restart);
}

ndmsg& start(Message& message, int family, int index) {
  auto& header = message.extra<ndmsg>();
  header.ndm_family = static_cast<std::uint8_t>(family);
  header.ndm_ifindex = index;
  return header;
}

}  // namespace

std::vector<Neighbor> list_neighbors(Netlink& netlink, int index) {
  std::vector<Neighbor> neighbors;
  const auto take = [&](const nlmsghdr& reply) {
    const Attributes found = read(reply);
    if (!found.dst || !found.mac) return;
    const bool permanent = (header_of<ndmsg>(reply)->ndm_state & NUD_PERMANENT) != 0;
    neighbors.push_back({*found.dst, *found.mac, found.protocol, permanent});
  };
  dump(netlink, {AF_UNSPEC, index}, take, [&] { neighbors.clear(); });
  return neighbors;
}

std::vector<NeighborTable> list_neighbor_tables(Netlink& netlink) {
  std::vector<NeighborTable> tables;
  Message message(RTM_GETNEIGHTBL, 0);
  message.extra<ndtmsg>();
  const auto take = [&](const nlmsghdr& reply) {
    const auto* header = header_of<ndtmsg>(reply);
    if (header == nullptr || (header->ndtm_family != AF_INET && header->ndtm_family != AF_INET6))
      return;
    NeighborTable table{.family = header->ndtm_family};
    bool whole = false;  // the other entries belong to single links
    for_each_attribute<ndtmsg>(reply, [&](const nlattr& a) {
      if (type_of(a) == NDTA_THRESH3) table.limit = u32_of(a);
      if (type_of(a) != NDTA_CONFIG || bytes_of(a).size() < sizeof(ndt_config)) return;
      ndt_config config{};
      std::memcpy(&config, bytes_of(a).data(), sizeof config);
      table.entries = config.ndtc_entries;
      whole = true;
    });
    if (whole) tables.push_back(table);
  };
  netlink.dump(message, "read the sizes of the neighbour tables", take, [&] { tables.clear(); });
  return tables;
}

void put_neighbor(Pipeline& pipeline, int index, const Neighbor& neighbor) {
  Message message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
  start(message, neighbor.address.family(), index).ndm_state = NUD_PERMANENT;
  message.put(NDA_DST, neighbor.address.bytes()).put(NDA_LLADDR, neighbor.mac.bytes);
  if (neighbor.protocol != 0) message.put_u8(NDA_PROTOCOL, neighbor.protocol);
  pipeline.add(message);
}

void remove_neighbor(Pipeline& pipeline, int index, const Neighbor& neighbor) {
  Message message(RTM_DELNEIGH, 0);
  start(message, neighbor.address.family(), index);
  message.put(NDA_DST, neighbor.address.bytes());
  pipeline.add(message);
}

std::vector<VxlanFdbEntry> list_vxlan_fdb(Netlink& netlink, int index) {
  std::vector<VxlanFdbEntry> entries;
  dump(
      netlink, {PF_BRIDGE, index},
      [&](const nlmsghdr& reply) {
        const auto& header = *header_of<ndmsg>(reply);
        const Attributes found = read(reply);
        if ((header.ndm_flags & NTF_SELF) == 0 || !found.dst || !found.mac) return;
        entries.push_back({*found.mac, *found.dst, (header.ndm_state & NUD_PERMANENT) != 0});
      },
      [&] { entries.clear(); });
  return entries;
}

void put_vxlan_fdb(Pipeline& pipeline, int index, const VxlanFdbEntry& entry) {
  Message message(RTM_NEWNEIGH,
                  static_cast<std::uint16_t>(NLM_F_CREATE |
                                             (entry.mac.is_zero() ? NLM_F_APPEND : NLM_F_REPLACE)));
  ndmsg& header = start(message, PF_BRIDGE, index);
  header.ndm_flags = NTF_SELF;
  header.ndm_state = NUD_PERMANENT | NUD_NOARP;
  message.put(NDA_LLADDR, entry.mac.bytes).put(NDA_DST, entry.remote.bytes());
  pipeline.add(message);
}

void remove_vxlan_fdb(Pipeline& pipeline, int index, const VxlanFdbEntry& entry) {
  Message message(RTM_DELNEIGH, 0);
  start(message, PF_BRIDGE, index).ndm_flags = NTF_SELF;
  message.put(NDA_LLADDR, entry.mac.bytes).put(NDA_DST, entry.remote.bytes());
  pipeline.add(message);
}

}  // namespace net
