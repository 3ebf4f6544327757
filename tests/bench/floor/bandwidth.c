/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/floor/link.h"

#define RATE 125000000
#define BURST_TICKS 156250
#define LIMIT 4375000
#define INGRESS 0xFFFF0000U

static struct batch batch;

static void ifb_name(const struct request* r, char* name) {
  uint32_t hash = 5381;
  for (const char* c = r->container_id; *c; ++c) hash = hash * 33 + (unsigned char)*c;
  snprintf(name, IFNAMSIZ, "bwp%08x", hash);
}

/* The index on the host of the pod's other end. */
static uint32_t peer_of(const struct request* r) {
  int home = open_netns("/proc/self/ns/net");
  enter_netns(open_netns(r->netns));
  batch_reset(&batch, netlink_open(NETLINK_ROUTE));
  enter_netns(home);
  struct ifinfomsg any = {0};
  message_begin(&batch, RTM_GETLINK, 0, &any, sizeof(any));
  message_put_str(&batch, IFLA_IFNAME, r->ifname);
  message_put_u32(&batch, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  errno = batch_query(&batch);
  if (errno) die("look up the link");
  struct nlmsghdr* answer = (void*)batch.data;
  uint32_t peer = 0;
  for (size_t at = NLMSG_LENGTH(sizeof(any)); at + sizeof(struct nlattr) <= answer->nlmsg_len;) {
    struct nlattr* a = (void*)(batch.data + at);
    if (a->nla_type == IFLA_LINK) memcpy(&peer, a + 1, sizeof(peer));
    at += (size_t)NLA_ALIGN((int)a->nla_len);
  }
  return peer;
}

static void put_tc(uint16_t type, uint32_t index, uint32_t parent, uint32_t handle, uint32_t info) {
  struct tcmsg tc = {
      .tcm_ifindex = (int)index, .tcm_parent = parent, .tcm_handle = handle, .tcm_info = info};
  message_begin(&batch, type, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &tc, sizeof(tc));
}

static void put_tbf(uint32_t index) {
  put_tc(RTM_NEWQDISC, index, TC_H_ROOT, 0x10000, 0);
  struct tc_tbf_qopt tbf = {.rate.rate = RATE, .limit = LIMIT, .buffer = BURST_TICKS};
  message_put_str(&batch, TCA_KIND, "tbf");
  size_t options = nest_begin(&batch, TCA_OPTIONS);
  message_put(&batch, TCA_TBF_PARMS, &tbf, sizeof(tbf));
  nest_end(&batch, options);
}

static void put_redirect(uint32_t index, uint32_t target) {
  put_tc(RTM_NEWQDISC, index, TC_H_INGRESS, INGRESS, 0);
  message_put_str(&batch, TCA_KIND, "ingress");
  put_tc(RTM_NEWTFILTER, index, INGRESS, 0, TC_H_MAKE(1U << 16, htons(ETH_P_ALL)));
  char all[sizeof(struct tc_u32_sel) + sizeof(struct tc_u32_key)] = {0};
  struct tc_u32_sel selector = {.flags = TC_U32_TERMINAL, .nkeys = 1};
  memcpy(all, &selector, sizeof(selector));
  struct tc_mirred mirred = {
      .action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = target};
  message_put_str(&batch, TCA_KIND, "u32");
  size_t options = nest_begin(&batch, TCA_OPTIONS);
  message_put(&batch, TCA_U32_SEL, all, sizeof(all));
  message_put_u32(&batch, TCA_U32_CLASSID, 0x10001);
  size_t actions = nest_begin(&batch, TCA_U32_ACT);
  size_t action = nest_begin(&batch, 1);
  message_put_str(&batch, TCA_ACT_KIND, "mirred");
  size_t inner = nest_begin(&batch, TCA_ACT_OPTIONS);
  message_put(&batch, TCA_MIRRED_PARMS, &mirred, sizeof(mirred));
  nest_end(&batch, inner);
  nest_end(&batch, action);
  nest_end(&batch, actions);
  nest_end(&batch, options);
}

static void add_limits(const struct request* r, int socket, const char* name) {
  uint32_t end = peer_of(r);
  /* The index is chosen here, so that it need not be asked for. */
  uint32_t index = 1U << 24 | (uint32_t)getpid();
  batch_reset(&batch, socket);
  struct ifinfomsg ifb = {.ifi_index = (int)index};
  message_begin(&batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &ifb, sizeof(ifb));
  message_put_str(&batch, IFLA_IFNAME, name);
  message_put_u32(&batch, IFLA_TXQLEN, 0);
  size_t info = nest_begin(&batch, IFLA_LINKINFO);
  message_put_str(&batch, IFLA_INFO_KIND, "ifb");
  nest_end(&batch, info);
  put_tbf(index);
  put_link_up(&batch, index, NLM_F_ACK);
  put_redirect(end, index);
  put_tbf(end);
  errno = batch_commit(&batch, 0);
  if (errno) die("limit the link");
  dprintf(STDOUT_FILENO, "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"%s/%d\"}]}\n", r->addr4,
          PREFIX4);
}

static void remove_limits(int socket, const char* name) {
  batch_reset(&batch, socket);
  struct ifinfomsg ifb = {0};
  message_begin(&batch, RTM_DELLINK, NLM_F_ACK, &ifb, sizeof(ifb));
  message_put_str(&batch, IFLA_IFNAME, name);
  errno = batch_commit(&batch, 0);
  if (errno) die("delete the ifb");
}

void run_bandwidth(const struct request* r) {
  char name[IFNAMSIZ];
  ifb_name(r, name);
  int socket = netlink_open(NETLINK_ROUTE);
  if (r->del)
    remove_limits(socket, name);
  else
    add_limits(r, socket, name);
}
