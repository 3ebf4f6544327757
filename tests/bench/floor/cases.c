/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/floor/link.h"

static const char kForwarding4[] = "/proc/sys/net/ipv4/ip_forward";
static const char kForwarding6[] = "/proc/sys/net/ipv6/conf/all/forwarding";

static struct batch batch;

static void commit(int tolerated, const char* attempted) {
  errno = batch_commit(&batch, tolerated);
  if (errno) die(attempted);
}

static void gateways(struct in_addr* v4, struct in6_addr* v6) {
  inet_pton(AF_INET, GATEWAY4, v4);
  inet_pton(AF_INET6, GATEWAY6, v6);
}

static struct lease lease_of(const struct request* r) {
  struct lease lease = {0};
  if (!r->addr4 || inet_pton(AF_INET, r->addr4, &lease.addr4) != 1) die("addr4=");
  if (r->dual && (!r->addr6 || inet_pton(AF_INET6, r->addr6, &lease.addr6) != 1)) die("addr6=");
  return lease;
}

/* ips and routes of a result, and the end of the object. */
static void print_result(const struct request* r, const struct lease* lease,
                         const char* interfaces) {
  char v4[INET_ADDRSTRLEN], v6[INET6_ADDRSTRLEN], text[2048];
  inet_ntop(AF_INET, &lease->addr4, v4, sizeof(v4));
  inet_ntop(AF_INET6, &lease->addr6, v6, sizeof(v6));
  int n = snprintf(
      text, sizeof(text),
      "{\"cniVersion\":\"1.0.0\",%s\"ips\":[{\"address\":\"%s/%d\",\"gateway\":\"" GATEWAY4 "\"}",
      interfaces, v4, PREFIX4);
  if (r->dual)
    n += snprintf(text + n, sizeof(text) - (size_t)n,
                  ",{\"address\":\"%s/%d\",\"gateway\":\"" GATEWAY6 "\"}", v6, PREFIX6);
  n += snprintf(text + n, sizeof(text) - (size_t)n, "],\"routes\":[{\"dst\":\"0.0.0.0/0\"}%s]}\n",
                r->dual ? ",{\"dst\":\"::/0\"}" : "");
  if (write(STDOUT_FILENO, text, (size_t)n) < 0) die("write the result");
}

static void print_pair(const struct request* r, const struct lease* lease, const struct pair* pair,
                       const char* bridge) {
  char host[MAC_TEXT_SIZE], pod[MAC_TEXT_SIZE], text[1024];
  mac_text(pair->host_mac, host);
  mac_text(pair->pod_mac, pod);
  snprintf(text, sizeof(text),
           "\"interfaces\":[%s{\"name\":\"%s\",\"mac\":\"%s\"},{\"name\":\"%s\",\"mac\":\"%s\","
           "\"sandbox\":\"%s\"}],",
           bridge, pair->host, host, r->ifname, pod, r->netns);
  print_result(r, lease, text);
}

void run_loopback(const struct request* r) {
  enter_netns(open_netns(r->netns));
  batch_reset(&batch, netlink_open(NETLINK_ROUTE));
  struct ifinfomsg link = {.ifi_index = 1, .ifi_flags = r->del ? 0 : IFF_UP, .ifi_change = IFF_UP};
  message_begin(&batch, RTM_NEWLINK, NLM_F_ACK, &link, sizeof(link));
  commit(0, "set the loopback's state");
  if (r->del) return;
  dprintf(STDOUT_FILENO,
          "{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"lo\",\"mac\":\"00:00:00:00:00:"
          "00\",\"sandbox\":\"%s\"}],"
          "\"ips\":[{\"interface\":0,\"address\":\"127.0.0.1/"
          "8\"},{\"interface\":0,\"address\":\"::1/128\"}]}\n",
          r->netns);
}

static void create_bridge(int host) {
  struct pair drawn;
  pair_draw(&drawn);
  struct ifinfomsg link = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  batch_reset(&batch, host);
  message_begin(&batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &link, sizeof(link));
  message_put_str(&batch, IFLA_IFNAME, BRIDGE);
  message_put(&batch, IFLA_ADDRESS, drawn.host_mac,
              MAC_SIZE); /* pinned: else it follows its ports */
  size_t info = nest_begin(&batch, IFLA_LINKINFO);
  message_put_str(&batch, IFLA_INFO_KIND, "bridge");
  nest_end(&batch, info);
  errno = batch_commit(&batch, 0);
  if (errno && errno != EEXIST) die("create the bridge"); /* a neighbour's call was faster */
}

static int query_bridge(int host) {
  struct ifinfomsg link = {0};
  batch_reset(&batch, host);
  message_begin(&batch, RTM_GETLINK, 0, &link, sizeof(link));
  message_put_str(&batch, IFLA_IFNAME, BRIDGE);
  return batch_query(&batch);
}

/* Index and MAC of the bridge: one question in the usual case. */
static uint32_t ensure_bridge(int host, uint8_t* mac) {
  if (query_bridge(host) == ENODEV) {
    create_bridge(host);
    query_bridge(host);
  }
  struct nlmsghdr* m = (void*)batch.data;
  if (m->nlmsg_type != RTM_NEWLINK) die("find the bridge");
  struct ifinfomsg* info = NLMSG_DATA(m);
  unsigned size = (unsigned)IFLA_PAYLOAD(m);
  for (struct rtattr* a = IFLA_RTA(info); RTA_OK(a, size); a = RTA_NEXT(a, size))
    if (a->rta_type == IFLA_ADDRESS) memcpy(mac, RTA_DATA(a), MAC_SIZE);
  return (uint32_t)info->ifi_index;
}

static void configure_pod(const struct request* r, int sandbox, const struct lease* lease) {
  enter_netns(sandbox);
  int fd = netlink_open(NETLINK_ROUTE);
  uint32_t index = link_index(fd, r->ifname);
  struct in_addr gateway4;
  struct in6_addr gateway6;
  gateways(&gateway4, &gateway6);
  batch_reset(&batch, fd);
  put_link_up(&batch, index, 0);
  put_address(&batch, AF_INET, index, &lease->addr4, PREFIX4, 0);
  if (r->dual) {
    put_address(&batch, AF_INET6, index, &lease->addr6, PREFIX6, IFA_F_NODAD);
    put_route(&batch, AF_INET6, &(struct route){.gateway = &gateway6, .index = index}, 0);
  }
  put_route(&batch, AF_INET, &(struct route){.gateway = &gateway4, .index = index}, NLM_F_ACK);
  commit(0, "configure the pod's end");
}

static void add_bridge(const struct request* r) {
  int nft = r->masq ? netlink_open(NETLINK_NETFILTER) : -1;
  int sandbox = open_netns(r->netns);
  int host = netlink_open(NETLINK_ROUTE);
  ensure_sysctl(kForwarding4);
  if (r->dual) ensure_sysctl(kForwarding6);
  struct pair pair;
  pair_draw(&pair);
  uint8_t mac[MAC_SIZE] = {0};
  uint32_t master = ensure_bridge(host, mac);
  struct lease lease = store_reserve(r);
  struct in_addr gateway4;
  struct in6_addr gateway6;
  gateways(&gateway4, &gateway6);
  batch_reset(&batch, host);
  put_address(&batch, AF_INET, master, &gateway4, PREFIX4, 0);
  if (r->dual) put_address(&batch, AF_INET6, master, &gateway6, PREFIX6, IFA_F_NODAD);
  put_veth(&batch, r, &pair, sandbox, master);
  commit(EEXIST, "create the veth pair");
  configure_pod(r, sandbox, &lease);
  if (r->masq) masquerade_add(nft, &lease, r->dual);
  char text[MAC_TEXT_SIZE], bridge[128];
  mac_text(mac, text);
  snprintf(bridge, sizeof(bridge), "{\"name\":\"" BRIDGE "\",\"mac\":\"%s\"},", text);
  print_pair(r, &lease, &pair, bridge);
}

static void remove_pod(const struct request* r) {
  struct lease lease = lease_of(r);
  if (r->masq) masquerade_remove(netlink_open(NETLINK_NETFILTER), &lease, r->dual);
  store_release(r);
  remove_pod_link(r);
}

void run_bridge(const struct request* r) {
  r->del ? remove_pod(r) : add_bridge(r);
}

/* Same-subnet traffic goes through the host too, as ptp promises; IFA_F_NOPREFIXROUTE saves the
 * reference's deleting the connected route, and IFA_F_NODAD its wait: a pair has no other hosts.
 */
static void put_pod_routes(int family, const void* gateway, const void* subnet, const void* address,
                           uint32_t index) {
  int host_bits = family == AF_INET ? 32 : 128;
  int prefix = family == AF_INET ? PREFIX4 : PREFIX6;
  uint8_t scope = family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  const struct route routes[] = {
      {.dst = gateway, .prefix = host_bits, .src = address, .index = index, .scope = scope},
      {.dst = subnet, .prefix = prefix, .gateway = gateway, .src = address, .index = index},
      {.gateway = gateway, .index = index}};
  for (size_t i = 0; i < 3; ++i)
    put_route(&batch, family, &routes[i], i == 2 && family == AF_INET ? NLM_F_ACK : 0);
}

static void configure_ptp_pod(const struct request* r, int sandbox, const struct lease* lease) {
  enter_netns(sandbox);
  int fd = netlink_open(NETLINK_ROUTE);
  uint32_t index = link_index(fd, r->ifname);
  struct in_addr gateway4, subnet4;
  struct in6_addr gateway6, subnet6;
  gateways(&gateway4, &gateway6);
  inet_pton(AF_INET, SUBNET4, &subnet4);
  inet_pton(AF_INET6, SUBNET6, &subnet6);
  batch_reset(&batch, fd);
  put_link_up(&batch, index, 0);
  put_address(&batch, AF_INET, index, &lease->addr4, PREFIX4, IFA_F_NOPREFIXROUTE);
  if (r->dual) {
    put_address(&batch, AF_INET6, index, &lease->addr6, PREFIX6, IFA_F_NODAD | IFA_F_NOPREFIXROUTE);
    put_pod_routes(AF_INET6, &gateway6, &subnet6, &lease->addr6, index);
  }
  put_pod_routes(AF_INET, &gateway4, &subnet4, &lease->addr4, index);
  commit(0, "configure the pod's end");
}

static void configure_ptp_host(const struct request* r, int host, const struct pair* pair,
                               const struct lease* lease) {
  uint32_t index = link_index(host, pair->host);
  struct in_addr gateway4;
  struct in6_addr gateway6;
  gateways(&gateway4, &gateway6);
  batch_reset(&batch, host);
  if (r->dual) {
    put_address(&batch, AF_INET6, index, &gateway6, 128, IFA_F_NODAD);
    put_route(&batch, AF_INET6,
              &(struct route){.dst = &lease->addr6, .prefix = 128, .index = index}, 0);
  }
  put_address(&batch, AF_INET, index, &gateway4, 32, 0);
  put_route(
      &batch, AF_INET,
      &(struct route){.dst = &lease->addr4, .prefix = 32, .index = index, .scope = RT_SCOPE_HOST},
      NLM_F_ACK);
  commit(0, "configure the host's end");
}

static void add_ptp(const struct request* r) {
  int sandbox = open_netns(r->netns);
  int host = netlink_open(NETLINK_ROUTE);
  struct lease lease = store_reserve(r);
  ensure_sysctl(kForwarding4);
  if (r->dual) ensure_sysctl(kForwarding6);
  struct pair pair;
  pair_draw(&pair);
  batch_reset(&batch, host);
  put_veth(&batch, r, &pair, sandbox, 0);
  commit(0, "create the veth pair");
  configure_ptp_host(r, host, &pair, &lease);
  configure_ptp_pod(r, sandbox, &lease);
  print_pair(r, &lease, &pair, "");
}

void run_ptp(const struct request* r) {
  r->del ? remove_pod(r) : add_ptp(r);
}

static void add_macvlan(const struct request* r) {
  int sandbox = open_netns(r->netns);
  int host = netlink_open(NETLINK_ROUTE);
  uint32_t master = link_index(host, "lan0");
  struct lease lease = store_reserve(r);
  struct pair drawn;
  pair_draw(&drawn);
  struct ifinfomsg link = {0};
  batch_reset(&batch, host);
  message_begin(&batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &link, sizeof(link));
  message_put_str(&batch, IFLA_IFNAME, r->ifname);
  message_put(&batch, IFLA_ADDRESS, drawn.pod_mac, MAC_SIZE);
  message_put_u32(&batch, IFLA_LINK, master);
  message_put_u32(&batch, IFLA_NET_NS_FD, (uint32_t)sandbox);
  size_t info = nest_begin(&batch, IFLA_LINKINFO);
  message_put_str(&batch, IFLA_INFO_KIND, "macvlan");
  size_t data = nest_begin(&batch, IFLA_INFO_DATA);
  message_put_u32(&batch, IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
  nest_end(&batch, data);
  nest_end(&batch, info);
  commit(0, "create the macvlan");
  configure_pod(r, sandbox, &lease);
  char mac[MAC_TEXT_SIZE], text[512];
  mac_text(drawn.pod_mac, mac);
  snprintf(text, sizeof(text),
           "\"interfaces\":[{\"name\":\"%s\",\"mac\":\"%s\",\"sandbox\":\"%s\"}],", r->ifname, mac,
           r->netns);
  print_result(r, &lease, text);
}

void run_macvlan(const struct request* r) {
  r->del ? remove_pod(r) : add_macvlan(r);
}

void run_host_local(const struct request* r) {
  if (r->del) {
    store_release(r);
    return;
  }
  struct lease lease = store_reserve(r);
  print_result(r, &lease, "");
}

void run_portmap(const struct request* r) {
  struct lease lease = lease_of(r);
  int nft = netlink_open(NETLINK_NETFILTER);
  if (r->del) {
    portmap_remove(nft, r, lease.addr4);
    return;
  }
  portmap_add(nft, r, lease.addr4);
  ensure_sysctl("/proc/sys/net/ipv4/conf/" BRIDGE "/route_localnet");
  print_result(r, &lease, "");
}
