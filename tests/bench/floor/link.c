/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/floor/link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

void pair_draw(struct pair* pair) {
  uint8_t random[4 + 2 * MAC_SIZE];
  if (getrandom(random, sizeof(random), 0) < 0) die("draw names");
  snprintf(pair->host, sizeof(pair->host), "veth%02x%02x%02x%02x", random[0], random[1], random[2],
           random[3]);
  memcpy(pair->host_mac, random + 4, MAC_SIZE);
  memcpy(pair->pod_mac, random + 4 + MAC_SIZE, MAC_SIZE);
  pair->host_mac[0] = (uint8_t)((pair->host_mac[0] & 0xfe) | 2);
  pair->pod_mac[0] = (uint8_t)((pair->pod_mac[0] & 0xfe) | 2);
}

void mac_text(const uint8_t* mac, char* text) {
  snprintf(text, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
           mac[4], mac[5]);
}

/* The kernel refuses IFF_UP on the peer inside the creating message, so the pod's end is set up
 * later. */
void put_veth(struct batch* b, const struct request* r, const struct pair* pair, int sandbox,
              uint32_t master) {
  struct ifinfomsg host = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  message_begin(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &host, sizeof(host));
  message_put_str(b, IFLA_IFNAME, pair->host);
  message_put(b, IFLA_ADDRESS, pair->host_mac, MAC_SIZE);
  message_put_u32(b, IFLA_TXQLEN, 0);
  if (master) message_put_u32(b, IFLA_MASTER, master);
  size_t info = nest_begin(b, IFLA_LINKINFO);
  message_put_str(b, IFLA_INFO_KIND, "veth");
  size_t data = nest_begin(b, IFLA_INFO_DATA);
  struct ifinfomsg peer = {0};
  size_t nest = b->used;
  message_put(b, VETH_INFO_PEER, &peer, sizeof(peer));
  message_put_str(b, IFLA_IFNAME, r->ifname);
  message_put(b, IFLA_ADDRESS, pair->pod_mac, MAC_SIZE);
  message_put_u32(b, IFLA_NET_NS_FD, (uint32_t)sandbox);
  nest_end(b, nest);
  nest_end(b, data);
  nest_end(b, info);
}

void put_link_up(struct batch* b, uint32_t index, uint16_t flags) {
  struct ifinfomsg link = {.ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  message_begin(b, RTM_NEWLINK, flags, &link, sizeof(link));
}

static size_t address_size(int family) {
  return family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

void put_address(struct batch* b, int family, uint32_t index, const void* address, int prefix,
                 uint32_t ifa_flags) {
  struct ifaddrmsg header = {
      .ifa_family = (uint8_t)family, .ifa_prefixlen = (uint8_t)prefix, .ifa_index = index};
  message_begin(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
  message_put(b, IFA_LOCAL, address, address_size(family));
  message_put(b, IFA_ADDRESS, address, address_size(family));
  if (ifa_flags) message_put_u32(b, IFA_FLAGS, ifa_flags);
  if (family != AF_INET || prefix > 30) return;
  uint32_t broadcast;
  memcpy(&broadcast, address, sizeof(broadcast));
  broadcast |= htonl(0xffffffffu >> prefix);
  message_put_u32(b, IFA_BROADCAST, broadcast);
}

void put_route(struct batch* b, int family, const struct route* route, uint16_t flags) {
  struct rtmsg header = {.rtm_family = (uint8_t)family,
                         .rtm_dst_len = (uint8_t)route->prefix,
                         .rtm_table = RT_TABLE_MAIN,
                         .rtm_protocol = RTPROT_BOOT,
                         .rtm_scope = route->scope,
                         .rtm_type = RTN_UNICAST};
  message_begin(b, RTM_NEWROUTE, (uint16_t)(NLM_F_CREATE | flags), &header, sizeof(header));
  if (route->dst) message_put(b, RTA_DST, route->dst, address_size(family));
  if (route->gateway) message_put(b, RTA_GATEWAY, route->gateway, address_size(family));
  if (route->src) message_put(b, RTA_PREFSRC, route->src, address_size(family));
  message_put_u32(b, RTA_OIF, route->index);
}

uint32_t link_index(int socket, const char* name) {
  struct ifreq request = {0};
  strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
  return ioctl(socket, SIOCGIFINDEX, &request) < 0 ? 0 : (uint32_t)request.ifr_ifindex;
}

int open_netns(const char* path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) die(path);
  return fd;
}

void enter_netns(int fd) {
  if (setns(fd, CLONE_NEWNET) < 0) die("enter the sandbox");
}

void remove_pod_link(const struct request* r) {
  enter_netns(open_netns(r->netns));
  struct batch b = {0};
  batch_reset(&b, netlink_open(NETLINK_ROUTE));
  struct ifinfomsg link = {0};
  message_begin(&b, RTM_DELLINK, NLM_F_ACK, &link, sizeof(link));
  message_put_str(&b, IFLA_IFNAME, r->ifname);
  errno = batch_commit(&b, 0);
  if (errno && errno != ENODEV) die("remove the link");
}
