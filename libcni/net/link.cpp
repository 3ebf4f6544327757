// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/link.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "libcni/base/gone.h"
#include "libcni/base/sys_error.h"
#include "libcni/net/attributes.h"
#include "libcni/net/bridge_port.h"

namespace net {
namespace {

std::string quoted(const std::string& name) {
  return "\"" + name + "\"";
}

std::optional<Link> find(Netlink& netlink, Message& message, const std::string& attempted) {
  std::optional<Link> found;
  // Leaves out the counters, which are most of a reply and are not used here (kernel 4.4).
  message.put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  netlink.find(message, attempted, [&](const nlmsghdr& reply) { found = parse_link(reply); });
  return found;
}

bool remove(Netlink& netlink, Message& message, const std::string& attempted) try {
  netlink.request(message, attempted);
  return true;
} catch (const std::system_error& e) {
  if (base::is_gone(e.code().value(), base::Object::link)) return false;
  throw;
}

/// A name of more than 15 bytes can only be an alternative name (kernel 5.5).
void put_name(Message& message, const std::string& name) {
  message.put(name.size() < IFNAMSIZ ? IFLA_IFNAME : IFLA_ALT_IFNAME, name);
}

/// RTM_NEWLINK on the existing link `index`.
class Change {
 public:
  explicit Change(int index) : info_(message_.extra<ifinfomsg>()), index_(index) {
    info_.ifi_index = index;
  }
  Message& message() { return message_; }
  Change& flags(unsigned value, unsigned mask) {
    info_.ifi_flags = value;
    info_.ifi_change = mask;
    return *this;
  }
  void send(Netlink& netlink, const std::string& what) {
    netlink.request(message_, what + " of link " + std::to_string(index_));
  }

 private:
  Message message_{RTM_NEWLINK, 0};
  ifinfomsg& info_;
  int index_;
};

}  // namespace

Link parse_link(const nlmsghdr& message) {
  Link link;
  const auto* info = header_of<ifinfomsg>(message);
  if (info == nullptr) return link;
  link.index = info->ifi_index;
  link.up = (info->ifi_flags & IFF_UP) != 0;
  link.promisc = (info->ifi_flags & IFF_PROMISC) != 0;
  for_each_attribute<ifinfomsg>(message, [&](const nlattr& a) {
    switch (type_of(a)) {
      case IFLA_IFNAME:
        link.name = text_of(a);
        break;
      case IFLA_IFALIAS:
        link.alias = text_of(a);
        break;
      case IFLA_MTU:
        link.mtu = static_cast<int>(u32_of(a));
        break;
      case IFLA_MASTER:
        link.master = static_cast<int>(u32_of(a));
        break;
      case IFLA_GROUP:
        link.group = u32_of(a);
        break;
      case IFLA_LINK:
        link.peer_index = static_cast<int>(u32_of(a));
        break;
      case IFLA_OPERSTATE:
        link.operstate = u8_of(a);
        break;
      case IFLA_PROMISCUITY:
        link.promiscuity = u32_of(a);
        break;
      case IFLA_ADDRESS:
        if (bytes_of(a).size() == 6) {
          link.mac.emplace();
          std::copy_n(bytes_of(a).begin(), 6, link.mac->bytes.begin());
        }
        break;
      case IFLA_LINKINFO:
        for_each_nested(a, [&](const nlattr& nested) {
          if (type_of(nested) == IFLA_INFO_KIND) link.kind = text_of(nested);
        });
        break;
      case IFLA_AF_SPEC:
        for_each_nested(a, [&](const nlattr& family) {
          if (type_of(family) == AF_INET6) link.has_ipv6 = true;
        });
        break;
      default:
        break;
    }
  });
  return link;
}

std::optional<Link> find_link(Netlink& netlink, const std::string& name) {
  Message message(RTM_GETLINK, 0);
  message.extra<ifinfomsg>();
  put_name(message, name);
  return find(netlink, message, "look up link " + quoted(name));
}

std::optional<Link> find_link(Netlink& netlink, int index) {
  Message message(RTM_GETLINK, 0);
  message.extra<ifinfomsg>().ifi_index = index;
  return find(netlink, message, "look up link " + std::to_string(index));
}

Link get_link(Netlink& netlink, const std::string& name) {
  auto link = find_link(netlink, name);
  if (!link) base::throw_errno("look up link " + quoted(name) + ": Link not found", ENODEV);
  return *std::move(link);
}

std::vector<Link> list_links(Netlink& netlink) {
  std::vector<Link> links;
  Message message(RTM_GETLINK, 0);
  message.extra<ifinfomsg>();
  message.put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  netlink.dump(
      message, "list links", [&](const nlmsghdr& reply) { links.push_back(parse_link(reply)); },
      [&] { links.clear(); });
  return links;
}

bool add_bridge(Netlink& netlink, const BridgeSpec& spec) try {
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  message.extra<ifinfomsg>();
  message.put(IFLA_IFNAME, spec.name);
  if (spec.mtu) message.put_u32(IFLA_MTU, static_cast<std::uint32_t>(*spec.mtu));
  message.nest(IFLA_LINKINFO, [&] {
    message.put(IFLA_INFO_KIND, "bridge");
    if (!spec.vlan_filtering) return;
    message.nest(IFLA_INFO_DATA, [&] { message.put_u8(IFLA_BR_VLAN_FILTERING, 1); });
  });
  netlink.request(message, "create bridge " + quoted(spec.name));
  return true;
} catch (const std::system_error& e) {
  if (e.code().value() == EEXIST) return false;
  if (e.code().value() != EOPNOTSUPP || !spec.vlan_filtering) throw;
  throw std::system_error(e.code(), "create bridge " + quoted(spec.name) + kNeedsVlanFiltering);
}

std::optional<Link> add_veth(Netlink& host, const base::Netns& sandbox, const VethSpec& spec) {
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO);
  auto& info = message.extra<ifinfomsg>();
  info.ifi_flags = info.ifi_change = IFF_UP;
  const auto put_mtu = [&] {
    if (spec.mtu) message.put_u32(IFLA_MTU, static_cast<std::uint32_t>(*spec.mtu));
  };
  message.put(IFLA_IFNAME, spec.host_name);
  put_mtu();
  if (spec.host_mac) message.put(IFLA_ADDRESS, spec.host_mac->bytes);
  // Host ends of the reference have no queue either; a queue would only add latency in front of the
  // peer's.
  message.put_u32(IFLA_TXQLEN, 0);
  if (spec.host_group != 0) message.put_u32(IFLA_GROUP, spec.host_group);
  if (spec.master != 0) message.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(spec.master));
  message.nest(IFLA_LINKINFO, [&] {
    message.put(IFLA_INFO_KIND, "veth");
    message.nest(IFLA_INFO_DATA, [&] {
      message.nest(VETH_INFO_PEER, [&] {
        // The kernel would refuse IFF_UP here with ENOTCONN: the other end is not registered yet.
        message.extra<ifinfomsg>();
        message.put(IFLA_IFNAME, spec.sandbox_name);
        put_mtu();
        if (spec.sandbox_mac) message.put(IFLA_ADDRESS, spec.sandbox_mac->bytes);
        message.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(sandbox.fd()));
      });
    });
  });
  // The echo saves the look-up. A look-up makes the kernel settle the carrier of the link (6.8 and
  // later): it is down, as the other end is, so queues are stopped, which waits for an RCU grace
  // period under the RTNL lock.
  std::optional<Link> made;
  host.request(message,
               "create veth pair " + quoted(spec.host_name) + ", " + quoted(spec.sandbox_name) +
                   " in the sandbox",
               [&](const nlmsghdr& reply) {
                 Link link = parse_link(reply);
                 if (link.name == spec.host_name) made = std::move(link);
               });
  return made;
}

void set_up(Netlink& netlink, int index) {
  Change(index).flags(IFF_UP, IFF_UP).send(netlink, "set up");
}

void put_up(Batch& batch, int index) {
  Change change(index);
  change.flags(IFF_UP, IFF_UP);
  batch.add(change.message(), "set up of link " + std::to_string(index));
}

void put_ipv4_knobs(Batch& batch, int index, std::span<const Ipv4Knob> knobs) {
  Change change(index);
  Message& message = change.message();
  message.nest(IFLA_AF_SPEC, [&] {
    message.nest(AF_INET, [&] {
      message.nest(IFLA_INET_CONF, [&] {
        for (const auto& [knob, value] : knobs) message.put_u32(knob, value);
      });
    });
  });
  batch.add(message, "set knobs of net.ipv4.conf of link " + std::to_string(index));
}

void set_down(Netlink& netlink, int index) {
  Change(index).flags(0, IFF_UP).send(netlink, "set down");
}

void set_up(Netlink& netlink, int index, const std::string& alias) {
  Change change(index);
  change.message().put(IFLA_IFALIAS, alias);
  change.flags(IFF_UP, IFF_UP).send(netlink, "set up, with alias \"" + alias + "\",");
}

void set_down(Netlink& netlink, int index, const std::string& alias) {
  Change change(index);
  change.message().put(IFLA_IFALIAS, alias);
  change.flags(0, IFF_UP).send(netlink, "set down, with alias \"" + alias + "\",");
}

void set_promisc(Netlink& netlink, int index) {
  Change(index).flags(IFF_PROMISC, IFF_PROMISC).send(netlink, "set promiscuous mode");
}

void set_mac(Netlink& netlink, int index, const base::Mac& mac) {
  Change change(index);
  change.message().put(IFLA_ADDRESS, mac.bytes);
  change.send(netlink, "set MAC address " + mac.text());
}

void set_mtu(Netlink& netlink, int index, int mtu) {
  Change change(index);
  change.message().put_u32(IFLA_MTU, static_cast<std::uint32_t>(mtu));
  change.send(netlink, "set MTU " + std::to_string(mtu));
}

void set_alias(Netlink& netlink, int index, const std::string& alias) {
  Change change(index);
  change.message().put(IFLA_IFALIAS, alias);
  change.send(netlink, "set alias \"" + alias + "\"");
}

void complete_host_end(Netlink& netlink, const Link& link, const std::string& alias) {
  Batch batch(netlink);
  put_completion(batch, link, alias);
  batch.send();
}

void put_completion(Batch& batch, const Link& link, const std::string& alias) {
  Change change(link.index);
  Message& message = change.message();
  if (!alias.empty()) message.put(IFLA_IFALIAS, alias).put_u32(IFLA_GROUP, 0);
  if (link.has_ipv6)
    message.nest(IFLA_AF_SPEC, [&] {
      message.nest(AF_INET6,
                   [&] { message.put_u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE); });
    });
  batch.add(message, "set alias \"" + alias + "\" of link " + std::to_string(link.index));
}

void set_master(Netlink& netlink, int index, int master) {
  Change change(index);
  change.message().put_u32(IFLA_MASTER, static_cast<std::uint32_t>(master));
  change.send(netlink, "set master " + std::to_string(master));
}

bool remove_link(Netlink& netlink, const std::string& name) {
  Message message(RTM_DELLINK, 0);
  message.extra<ifinfomsg>();
  put_name(message, name);
  return remove(netlink, message, "delete link " + quoted(name));
}

bool remove_link(Netlink& netlink, int index) {
  Message message(RTM_DELLINK, 0);
  message.extra<ifinfomsg>().ifi_index = index;
  return remove(netlink, message, "delete link " + std::to_string(index));
}

void put_into_group(Pipeline& pipeline, int index, std::uint32_t group) {
  // Uses RTM_SETLINK: RTM_NEWLINK without an index would change all links of the group.
  Message message(RTM_SETLINK, 0);
  message.extra<ifinfomsg>().ifi_index = index;
  message.put_u32(IFLA_GROUP, group);
  pipeline.add(message);
}

bool remove_group(Netlink& netlink, std::uint32_t group) {
  Message message(RTM_DELLINK, 0);
  message.extra<ifinfomsg>();
  message.put_u32(IFLA_GROUP, group);
  return remove(netlink, message, "delete the links of group " + std::to_string(group));
}

std::string operstate_name(int operstate) {
  constexpr std::array<const char*, 7> kNames{"unknown", "not-present", "down", "lower-layer-down",
                                              "testing", "dormant",     "up"};
  const auto at = static_cast<std::size_t>(operstate);
  return at < kNames.size() ? kNames[at] : "unknown";
}

}  // namespace net
