// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/redirect.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "libcni/base/gone.h"
#include "libcni/net/attributes.h"

namespace net {
namespace {

/// Received packets, of both qdiscs that take filters for them (ingress and clsact).
constexpr std::uint32_t kParent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
/// The same of ingress alone, as the reference writes it.
constexpr std::uint32_t kIngressParent = 0xFFFF0000;
constexpr std::uint32_t kPriority = 1;
constexpr std::uint32_t kFirstHandle = 0x80000800;  // 800::800
constexpr std::uint32_t kClass = 0x00010001;        // 1:1, as the reference writes it
constexpr std::uint16_t kFirstAction = 1;

/// The selector with the one key that matches every packet: its mask is 0.
std::array<std::uint8_t, sizeof(tc_u32_sel) + sizeof(tc_u32_key)> match_all() {
  std::array<std::uint8_t, sizeof(tc_u32_sel) + sizeof(tc_u32_key)> bytes{};
  tc_u32_sel selector{};
  selector.flags = TC_U32_TERMINAL;
  selector.nkeys = 1;
  std::memcpy(bytes.data(), &selector, sizeof selector);
  return bytes;
}

tcmsg& put_header(Message& message, int index) {
  auto& header = message.extra<tcmsg>();
  header.tcm_ifindex = index;
  header.tcm_parent = kParent;
  return header;
}

std::string of_link(int index) {
  return " of link " + std::to_string(index);
}

void put_action(Message& message, int target) {
  tc_mirred mirred{};
  mirred.action = TC_ACT_STOLEN;
  mirred.eaction = TCA_EGRESS_REDIR;
  mirred.ifindex = static_cast<std::uint32_t>(target);
  message.nest(kFirstAction, [&] {
    message.put(TCA_ACT_KIND, "mirred");
    message.nest(TCA_ACT_OPTIONS, [&] {
      message.put(TCA_MIRRED_PARMS,
                  {reinterpret_cast<const std::uint8_t*>(&mirred), sizeof mirred});
    });
  });
}

/// The target of the first action, which is the one that takes the packet; nothing if it does not
/// redirect.
std::optional<int> find_target(const nlattr& actions) {
  std::optional<int> target;
  bool is_first = true;
  for_each_nested(actions, [&](const nlattr& action) {
    if (!std::exchange(is_first, false)) return;
    std::string kind;
    for_each_nested(action, [&](const nlattr& a) {
      if (type_of(a) == TCA_ACT_KIND) kind = text_of(a);
      if (type_of(a) != TCA_ACT_OPTIONS || kind != "mirred") return;
      for_each_nested(a, [&](const nlattr& option) {
        tc_mirred mirred{};
        if (type_of(option) != TCA_MIRRED_PARMS || bytes_of(option).size() < sizeof mirred) return;
        std::memcpy(&mirred, bytes_of(option).data(), sizeof mirred);
        if (mirred.eaction == TCA_EGRESS_REDIR) target = static_cast<int>(mirred.ifindex);
      });
    });
  });
  return target;
}

bool matches_all(const nlattr& selector) {
  const auto bytes = bytes_of(selector);
  tc_u32_sel head{};
  if (bytes.size() < sizeof head) return false;
  std::memcpy(&head, bytes.data(), sizeof head);
  if (bytes.size() < sizeof head + head.nkeys * sizeof(tc_u32_key)) return false;
  for (std::size_t i = 0; i < head.nkeys; ++i) {
    tc_u32_key key{};
    std::memcpy(&key, bytes.data() + sizeof head + i * sizeof key, sizeof key);
    if (key.mask != 0) return false;
  }
  return true;
}

/// The redirect that a filter's options describe; nothing for other filters and for hash tables.
std::optional<int> find_redirect_target(const std::string& kind, const nlattr& options) {
  bool all = kind == "matchall";
  std::optional<int> target;
  for_each_nested(options, [&](const nlattr& a) {
    if (kind == "u32" && type_of(a) == TCA_U32_SEL) all = matches_all(a);
    const bool is_action = (kind == "u32" && type_of(a) == TCA_U32_ACT) ||
                           (kind == "matchall" && type_of(a) == TCA_MATCHALL_ACT);
    if (is_action) target = find_target(a);
  });
  return all ? target : std::nullopt;
}

bool is_present(int errnum) {
  return errnum == EEXIST || errnum == EINVAL;
}

/// Calls `visit` for each filter for received packets.
void dump_filters(Netlink& netlink, int index, const Netlink::OnReply& visit,
                  const std::function<void()>& restart) {
  Message message(RTM_GETTFILTER, 0);
  put_header(message, index);
  netlink.dump(message, "list the filters" + of_link(index), visit, restart);
}

}  // namespace

std::optional<Link> add_ifb(Netlink& netlink, const IfbSpec& spec) {
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO);
  message.extra<ifinfomsg>();
  message.put(IFLA_IFNAME, spec.name);
  message.put_u32(IFLA_MTU, static_cast<std::uint32_t>(spec.mtu));
  message.put_u32(IFLA_TXQLEN, 0);
  if (spec.group != 0) message.put_u32(IFLA_GROUP, spec.group);
  message.nest(IFLA_LINKINFO, [&] { message.put(IFLA_INFO_KIND, "ifb"); });
  std::optional<Link> made;
  netlink.request(message, "create ifb \"" + spec.name + "\"", [&](const nlmsghdr& reply) {
    Link link = parse_link(reply);
    if (link.name == spec.name) made = std::move(link);
  });
  return made;
}

std::size_t put_redirect(Batch& batch, int index, int target, bool first) {
  const int flags = NLM_F_CREATE | (first ? NLM_F_EXCL : 0);
  Message message(RTM_NEWTFILTER, static_cast<std::uint16_t>(flags));
  auto& header = put_header(message, index);
  header.tcm_info = TC_H_MAKE(kPriority << 16, htons(ETH_P_ALL));
  if (first) {
    header.tcm_parent = kIngressParent;
    header.tcm_handle = kFirstHandle;
  }
  message.put(TCA_KIND, "u32");
  message.nest(TCA_OPTIONS, [&] {
    message.put(TCA_U32_SEL, match_all());
    message.put_u32(TCA_U32_CLASSID, kClass);
    message.nest(TCA_U32_ACT, [&] { put_action(message, target); });
  });
  return batch.add(message,
                   "redirect the packets" + of_link(index) + " to link " + std::to_string(target),
                   first ? is_present : nullptr);
}

std::vector<Redirect> list_redirects(Netlink& netlink, int index) {
  std::vector<Redirect> redirects;
  dump_filters(
      netlink, index,
      [&](const nlmsghdr& reply) {
        const auto* header = header_of<tcmsg>(reply);
        if (header == nullptr) return;
        Redirect redirect{.handle = header->tcm_handle, .info = header->tcm_info};
        std::optional<int> target;
        for_each_attribute<tcmsg>(reply, [&](const nlattr& a) {
          if (type_of(a) == TCA_KIND) redirect.kind = text_of(a);
          if (type_of(a) == TCA_OPTIONS) target = find_redirect_target(redirect.kind, a);
        });
        if (!target) return;
        redirect.target = *target;
        redirects.push_back(std::move(redirect));
      },
      [&] { redirects.clear(); });
  return redirects;
}

bool has_ingress_filters(Netlink& netlink, int index) {
  bool has = false;
  dump_filters(
      netlink, index, [&](const nlmsghdr&) { has = true; }, [&] { has = false; });
  return has;
}

bool remove_redirect(Netlink& netlink, int index, const Redirect& redirect) try {
  Message message(RTM_DELTFILTER, 0);
  auto& header = put_header(message, index);
  header.tcm_info = redirect.info;
  header.tcm_handle = redirect.handle;
  message.put(TCA_KIND, redirect.kind);
  netlink.request(message, "delete a redirect" + of_link(index));
  return true;
} catch (const std::system_error& e) {
  if (base::is_gone(e.code().value(), base::Object::qdisc)) return false;
  throw;
}

}  // namespace net
