/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The request on the command line and in the CNI environment. */
struct request {
  bool del;
  bool dual; /* IPv6 beside IPv4 */
  bool masq; /* masquerade what leaves the pod's subnet */
  const char* ifname;
  const char* container_id;
  const char* netns;
  const char* store; /* the network's reservation directory */
  const char* addr4; /* DEL and chained plugins: the pod's addresses */
  const char* addr6;
  uint16_t host_port;
  uint16_t container_port;
};

/** The addresses of one attachment, network byte order. */
struct lease {
  struct in_addr addr4;
  struct in6_addr addr6;
};

/** Every case works in these two subnets; the gateway is the first address. */
#define SUBNET4 "10.88.0.0"
#define GATEWAY4 "10.88.0.1"
#define PREFIX4 16
#define SUBNET6 "fd00:88::"
#define GATEWAY6 "fd00:88::1"
#define PREFIX6 64
#define BRIDGE "cni0"

/** Prints what was attempted and errno as one line of JSON, and ends the process with status 1. */
void die(const char* attempted) __attribute__((noreturn));

/** A buffer of netlink messages that is sent with one system call. */
struct batch {
  int fd;
  uint32_t first_seq;
  uint32_t seq;
  size_t used;
  size_t message; /* where the open message starts */
  char data[8192] __attribute__((aligned(8)));
};

int netlink_open(int protocol);
/** Forgets the messages and goes on with the sequence numbers. */
void batch_reset(struct batch* b, int fd);
void message_begin(struct batch* b, uint16_t type, uint16_t flags, const void* header, size_t size);
void message_put(struct batch* b, uint16_t type, const void* data, size_t size);
void message_put_u32(struct batch* b, uint16_t type, uint32_t value);
void message_put_str(struct batch* b, uint16_t type, const char* text);
size_t nest_begin(struct batch* b, uint16_t type);
void nest_end(struct batch* b, size_t start);
/** Sends the batch and reads until its last message is acknowledged. Returns the first errno;
 * `tolerated` is passed over in every message but the last. */
int batch_commit(struct batch* b, int tolerated);
/** The same for one request that is answered by one message, which is left in b->data. */
int batch_query(struct batch* b);

/** Writes 1 to a switch under /proc/sys/net unless it says 1 already. */
void ensure_sysctl(const char* path);

/** Takes the next free address of each family, as host-local does: flock, cursor, O_EXCL. */
struct lease store_reserve(const struct request* r);
void store_release(const struct request* r);

/** One nf_tables transaction; the shared table is made only when the kernel says it is missing. */
void masquerade_add(int fd, const struct lease* lease, bool dual);
void masquerade_remove(int fd, const struct lease* lease, bool dual);
void portmap_add(int fd, const struct request* r, struct in_addr addr);
void portmap_remove(int fd, const struct request* r, struct in_addr addr);

void run_loopback(const struct request* r);
void run_bridge(const struct request* r);
void run_ptp(const struct request* r);
void run_macvlan(const struct request* r);
void run_portmap(const struct request* r);
void run_tuning(const struct request* r);
void run_bandwidth(const struct request* r);
void run_firewall(const struct request* r);
void run_host_local(const struct request* r);
