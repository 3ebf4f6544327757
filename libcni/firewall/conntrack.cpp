// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/conntrack.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include <algorithm>
#include <optional>
#include <vector>

#include <libmnl/libmnl.h>

#include "libcni/base/gone.h"
#include "libcni/base/sys_error.h"
#include "libcni/net/attributes.h"
#include "libcni/nft/socket.h"

namespace firewall {
namespace {

// CTA_FILTER_F_* are not in uapi headers; the number is ctnetlink's (Linux 5.8,
// nf_conntrack_netlink.c).
constexpr std::uint32_t kFilterProtocol = 1u << 3;

/// A connection, as the attributes that name it for deletion.
struct Flow {
  std::vector<std::uint8_t> tuple;
  std::optional<std::uint16_t> zone;
  std::optional<std::uint32_t> id;
  std::uint16_t port = 0;
  std::uint8_t protocol = 0;
};

int type_of_message(int message) {
  return NFNL_SUBSYS_CTNETLINK << 8 | message;
}

std::uint16_t u16_of(const nlattr& attribute) {
  return net::bytes_of(attribute).size() >= 2 ? mnl_attr_get_u16(&attribute) : std::uint16_t{0};
}

void read_tuple(const nlattr& tuple, Flow& flow) {
  flow.tuple.assign(net::bytes_of(tuple).begin(), net::bytes_of(tuple).end());
  net::for_each_nested(tuple, [&](const nlattr& part) {
    if (net::type_of(part) != CTA_TUPLE_PROTO) return;
    net::for_each_nested(part, [&](const nlattr& field) {
      if (net::type_of(field) == CTA_PROTO_NUM) flow.protocol = net::u8_of(field);
      if (net::type_of(field) == CTA_PROTO_DST_PORT) flow.port = ntohs(u16_of(field));
    });
  });
}

Flow read_flow(const nlmsghdr& answer) {
  Flow flow;
  net::for_each_attribute<nfgenmsg>(answer, [&](const nlattr& attribute) {
    switch (net::type_of(attribute)) {
      case CTA_TUPLE_ORIG:
        read_tuple(attribute, flow);
        break;
      case CTA_ZONE:
        flow.zone = u16_of(attribute);
        break;
      case CTA_ID:
        flow.id = net::u32_of(attribute);
        break;
      default:
        break;
    }
  });
  return flow;
}

/// Kernels from 5.8 on list only UDP; older ones ignore the filter and list everything.
void put_udp_filter(nlmsghdr* request) {
  nlattr* tuple = mnl_attr_nest_start(request, CTA_TUPLE_ORIG);
  nlattr* proto = mnl_attr_nest_start(request, CTA_TUPLE_PROTO);
  mnl_attr_put_u8(request, CTA_PROTO_NUM, IPPROTO_UDP);
  mnl_attr_nest_end(request, proto);
  mnl_attr_nest_end(request, tuple);
  nlattr* filter = mnl_attr_nest_start(request, CTA_FILTER);
  mnl_attr_put_u32(request, CTA_FILTER_ORIG_FLAGS, kFilterProtocol);
  mnl_attr_put_u32(request, CTA_FILTER_REPLY_FLAGS, 0);
  mnl_attr_nest_end(request, filter);
}

std::vector<Flow> list_udp_flows(nft::NetfilterSocket& socket, int family,
                                 std::span<const std::uint16_t> ports) {
  std::vector<Flow> flows;
  socket.dump(
      [&] {
        nlmsghdr* request = socket.start(type_of_message(IPCTNL_MSG_CT_GET), family, NLM_F_DUMP);
        put_udp_filter(request);
        return request;
      },
      "list UDP connections",
      [&](const nlmsghdr& answer) {
        Flow flow = read_flow(answer);
        if (flow.protocol == IPPROTO_UDP && std::ranges::find(ports, flow.port) != ports.end())
          flows.push_back(std::move(flow));
      },
      [&] { flows.clear(); });
  return flows;
}

void forget(nft::NetfilterSocket& socket, int family, const Flow& flow) {
  nlmsghdr* request = socket.start(type_of_message(IPCTNL_MSG_CT_DELETE), family, NLM_F_ACK);
  mnl_attr_put(request, NLA_F_NESTED | CTA_TUPLE_ORIG, flow.tuple.size(), flow.tuple.data());
  if (flow.zone) mnl_attr_put_u16(request, CTA_ZONE, *flow.zone);
  if (flow.id) mnl_attr_put_u32(request, CTA_ID, *flow.id);
  const std::string attempted = "forget the UDP connection to port " + std::to_string(flow.port);
  const int errnum = socket.ask(request, attempted, [](const nlmsghdr&) {});
  if (errnum != 0 && !base::is_gone(errnum, base::Object::rule))
    base::throw_errno(attempted, errnum);
}

}  // namespace

void forget_udp_flows(int family, std::span<const std::uint16_t> ports) {
  if (ports.empty()) return;
  nft::NetfilterSocket socket;
  for (const Flow& flow : list_udp_flows(socket, family, ports)) forget(socket, family, flow);
}

}  // namespace firewall
