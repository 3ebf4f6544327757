/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/bench/floor/nft.h"

enum { kTypeIpv4 = 7 };

static const struct nft_set kPods = {.name = "pods", .id = 1, .key_type = kTypeIpv4, .key_size = 4};

static struct batch batch;

/* The address at `offset` of the header @pods: counted */
static void pod_rule(uint32_t offset) {
  size_t rule = nft_rule_begin(&batch, NFPROTO_IPV4, "forward");
  nft_payload(&batch, NFT_REG32_00, NFT_PAYLOAD_NETWORK_HEADER, offset, 4);
  nft_lookup(&batch, &kPods);
  nft_words(&batch, "counter", NULL, 0);
  nest_end(&batch, rule);
}

static void objects(void) {
  nft_table(&batch, NFPROTO_IPV4);
  nft_set(&batch, NFPROTO_IPV4, &kPods);
  nft_base_chain(&batch, NFPROTO_IPV4, "forward", NF_INET_FORWARD, 0);
  pod_rule(16);
  pod_rule(12);
}

void run_firewall(const struct request* r) {
  struct in_addr address;
  if (inet_pton(AF_INET, r->addr4, &address) != 1) die("read the pod's address");
  const struct nft_element element = {NFPROTO_IPV4, r->del, kPods.name, &address, 4, 1, NULL, 0};
  int socket = netlink_open(NETLINK_NETFILTER);
  nft_begin(&batch, socket);
  nft_element(&batch, &element);
  errno = nft_commit(&batch);
  if (errno == ENOENT && !r->del) {
    nft_begin(&batch, socket);
    objects();
    nft_element(&batch, &element);
    errno = nft_commit(&batch);
  }
  if (errno && !(r->del && errno == ENOENT)) die("change the set of pods");
  if (!r->del)
    dprintf(STDOUT_FILENO, "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"%s/%d\"}]}\n",
            r->addr4, PREFIX4);
}
