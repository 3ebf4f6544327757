/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/floor/link.h"

/* The values that DEL sets the link back to. */
struct former {
  uint32_t index;
  uint32_t mtu;
  uint32_t flags;
  uint8_t mac[MAC_SIZE];
};

#define MODES (IFF_PROMISC | IFF_ALLMULTI)

static struct batch batch;

static void write_sysctl(const char* path, const char* value) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, value, strlen(value)) < 0) die(path);
  close(fd);
}

static struct former ask_link(const char* name) {
  struct former link = {0};
  struct ifinfomsg any = {0};
  message_begin(&batch, RTM_GETLINK, 0, &any, sizeof(any));
  message_put_str(&batch, IFLA_IFNAME, name);
  message_put_u32(&batch, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  errno = batch_query(&batch);
  if (errno) die("look up the link");
  struct nlmsghdr* answer = (void*)batch.data;
  struct ifinfomsg* info = NLMSG_DATA(answer);
  link.index = (uint32_t)info->ifi_index;
  link.flags = info->ifi_flags & MODES;
  for (size_t at = NLMSG_LENGTH(sizeof(*info)); at + sizeof(struct nlattr) <= answer->nlmsg_len;) {
    struct nlattr* a = (void*)(batch.data + at);
    if (a->nla_type == IFLA_ADDRESS) memcpy(link.mac, a + 1, MAC_SIZE);
    if (a->nla_type == IFLA_MTU) memcpy(&link.mtu, a + 1, sizeof(link.mtu));
    at += (size_t)NLA_ALIGN((int)a->nla_len);
  }
  return link;
}

static void set_link(int socket, const struct former* to) {
  batch_reset(&batch, socket);
  struct ifinfomsg link = {
      .ifi_index = (int)to->index, .ifi_flags = to->flags, .ifi_change = MODES};
  message_begin(&batch, RTM_NEWLINK, NLM_F_ACK, &link, sizeof(link));
  message_put(&batch, IFLA_ADDRESS, to->mac, MAC_SIZE);
  message_put_u32(&batch, IFLA_MTU, to->mtu);
  errno = batch_commit(&batch, 0);
  if (errno) die("change the link");
}

static void add_tuning(const struct request* r, int socket, const char* file) {
  write_sysctl("/proc/sys/net/core/somaxconn", "1024");
  write_sysctl("/proc/sys/net/ipv4/conf/eth0/arp_filter", "1");
  batch_reset(&batch, socket);
  struct former before = ask_link(r->ifname);
  int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, &before, sizeof(before)) != sizeof(before)) die(file);
  close(fd);
  struct former tuned = {
      .index = before.index, .mtu = 1400, .flags = MODES, .mac = {2, 0, 0, 0, 0, 9}};
  set_link(socket, &tuned);
  dprintf(STDOUT_FILENO, "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"%s/%d\"}]}\n", r->addr4,
          PREFIX4);
}

static void remove_tuning(int socket, const char* file) {
  struct former before;
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || read(fd, &before, sizeof(before)) != sizeof(before)) die(file);
  close(fd);
  set_link(socket, &before);
  if (unlink(file)) die(file);
}

void run_tuning(const struct request* r) {
  char file[4096];
  snprintf(file, sizeof(file), "%s/%s_%s", r->store, r->container_id, r->ifname);
  enter_netns(open_netns(r->netns));
  int socket = netlink_open(NETLINK_ROUTE);
  r->del ? remove_tuning(socket, file) : add_tuning(r, socket, file);
}
