/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/floor/floor.h"

void die(const char* attempted) {
  dprintf(STDOUT_FILENO, "{\"code\":999,\"msg\":\"%s: %s\"}\n", attempted, strerror(errno));
  exit(1);
}

int netlink_open(int protocol) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) die("open a netlink socket");
  return fd;
}

void batch_reset(struct batch* b, int fd) {
  b->fd = fd;
  b->used = 0;
  b->first_seq = b->seq + 1;
}

static void* reserve(struct batch* b, size_t size) {
  size_t aligned = NLMSG_ALIGN(size);
  if (b->used + aligned > sizeof(b->data)) {
    errno = ENOBUFS;
    die("build a netlink message");
  }
  void* at = b->data + b->used;
  memset(at, 0, aligned);
  b->used += aligned;
  struct nlmsghdr* open = (struct nlmsghdr*)(b->data + b->message);
  open->nlmsg_len = (uint32_t)(b->used - b->message);
  return at;
}

void message_begin(struct batch* b, uint16_t type, uint16_t flags, const void* header,
                   size_t size) {
  b->message = b->used;
  struct nlmsghdr* open = reserve(b, sizeof(*open));
  open->nlmsg_type = type;
  open->nlmsg_flags = NLM_F_REQUEST | flags;
  open->nlmsg_seq = ++b->seq;
  memcpy(reserve(b, size), header, size);
}

void message_put(struct batch* b, uint16_t type, const void* data, size_t size) {
  struct nlattr* attribute = reserve(b, sizeof(*attribute) + size);
  attribute->nla_type = type;
  attribute->nla_len = (uint16_t)(sizeof(*attribute) + size);
  if (size) memcpy(attribute + 1, data, size);
}

void message_put_u32(struct batch* b, uint16_t type, uint32_t value) {
  message_put(b, type, &value, sizeof(value));
}

void message_put_str(struct batch* b, uint16_t type, const char* text) {
  message_put(b, type, text, strlen(text) + 1);
}

size_t nest_begin(struct batch* b, uint16_t type) {
  size_t start = b->used;
  message_put(b, type, NULL, 0);
  return start;
}

void nest_end(struct batch* b, size_t start) {
  struct nlattr* nest = (struct nlattr*)(b->data + start);
  nest->nla_len = (uint16_t)(b->used - start);
}

static ssize_t receive(struct batch* b) {
  ssize_t size = recv(b->fd, b->data, sizeof(b->data), 0);
  if (size < 0) die("read a netlink answer");
  return size;
}

int batch_commit(struct batch* b, int tolerated) {
  if (send(b->fd, b->data, b->used, 0) < 0) return errno;
  int first = 0;
  for (;;) {
    ssize_t size = receive(b);
    for (struct nlmsghdr* m = (void*)b->data; NLMSG_OK(m, size); m = NLMSG_NEXT(m, size)) {
      if (m->nlmsg_type != NLMSG_ERROR || m->nlmsg_seq < b->first_seq) continue;
      int error = -((struct nlmsgerr*)NLMSG_DATA(m))->error;
      if (error && (error != tolerated || m->nlmsg_seq == b->seq) && !first) first = error;
      if (m->nlmsg_seq == b->seq || first) return first;
    }
  }
}

int batch_query(struct batch* b) {
  if (send(b->fd, b->data, b->used, 0) < 0) return errno;
  receive(b);
  struct nlmsghdr* m = (void*)b->data;
  return m->nlmsg_type == NLMSG_ERROR ? -((struct nlmsgerr*)NLMSG_DATA(m))->error : 0;
}

void ensure_sysctl(const char* path) {
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) die(path);
  char value = 0;
  if (read(fd, &value, 1) == 1 && value != '1' && pwrite(fd, "1", 1, 0) != 1) die(path);
  close(fd);
}
