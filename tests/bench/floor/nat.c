/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "tests/bench/floor/nft.h"

enum { kTypeIpv4 = 7, kTypeIpv6 = 8, kTypeProto = 12, kTypePort = 13, kTypeBits = 6 };
#define CONCAT(a, b) ((uint32_t)(a) << kTypeBits | (uint32_t)(b))

static const struct nft_set kMasq4 = {
    .name = "masq4", .id = 1, .key_type = kTypeIpv4, .key_size = 4};
static const struct nft_set kMasq6 = {
    .name = "masq6", .id = 2, .key_type = kTypeIpv6, .key_size = 16};
static const struct nft_set kPorts = {.name = "ports",
                                      .id = 1,
                                      .key_type = CONCAT(kTypeProto, kTypePort),
                                      .key_size = 8,
                                      .data_type = CONCAT(kTypeIpv4, kTypePort),
                                      .data_size = 8};
static const struct nft_set kHairpin = {
    .name = "hairpin", .id = 2, .key_type = CONCAT(kTypeIpv4, kTypeIpv4), .key_size = 8};

static struct batch batch;

/* meta nfproto FAMILY; saddr @set; daddr outside the subnet and not multicast; masquerade */
static void masquerade_rule(const struct nft_set* set, uint8_t family, const void* subnet) {
  uint32_t size = family == NFPROTO_IPV4 ? 4 : 16;
  uint32_t saddr = family == NFPROTO_IPV4 ? 12 : 8;
  uint32_t subnet_bytes = family == NFPROTO_IPV4 ? PREFIX4 / 8 : PREFIX6 / 8;
  size_t rule = nft_rule_begin(&batch, NFPROTO_INET, "postrouting");
  nft_meta(&batch, NFT_REG32_00, NFT_META_NFPROTO);
  nft_cmp(&batch, NFT_CMP_EQ, &family, 1);
  nft_payload(&batch, NFT_REG32_00, NFT_PAYLOAD_NETWORK_HEADER, saddr, size);
  nft_lookup(&batch, set);
  nft_payload(&batch, NFT_REG32_00, NFT_PAYLOAD_NETWORK_HEADER, saddr + size, subnet_bytes);
  nft_cmp(&batch, NFT_CMP_NEQ, subnet, subnet_bytes);
  nft_payload(&batch, NFT_REG32_00, NFT_PAYLOAD_NETWORK_HEADER, saddr + size, 1);
  /* 224.0.0.0/4 ends at 239; what lies above is not routed, so one byte decides */
  uint8_t multicast = family == NFPROTO_IPV4 ? 224 : 0xff;
  nft_cmp(&batch, family == NFPROTO_IPV4 ? NFT_CMP_LT : NFT_CMP_NEQ, &multicast, 1);
  nft_words(&batch, "masq", NULL, 0);
  nest_end(&batch, rule);
}

static void masquerade_objects(void) {
  struct in_addr subnet4;
  struct in6_addr subnet6;
  inet_pton(AF_INET, SUBNET4, &subnet4);
  inet_pton(AF_INET6, SUBNET6, &subnet6);
  nft_table(&batch, NFPROTO_INET);
  nft_set(&batch, NFPROTO_INET, &kMasq4);
  nft_set(&batch, NFPROTO_INET, &kMasq6);
  nft_base_chain(&batch, NFPROTO_INET, "postrouting", NF_INET_POST_ROUTING, 100);
  masquerade_rule(&kMasq4, NFPROTO_IPV4, &subnet4);
  masquerade_rule(&kMasq6, NFPROTO_IPV6, &subnet6);
}

static void masquerade_elements(const struct lease* lease, bool dual, bool remove) {
  struct nft_element e = {.family = NFPROTO_INET,
                          .remove = remove,
                          .set = kMasq4.name,
                          .key = &lease->addr4,
                          .key_size = 4,
                          .count = 1};
  nft_element(&batch, &e);
  if (!dual) return;
  e.set = kMasq6.name;
  e.key = &lease->addr6;
  e.key_size = 16;
  nft_element(&batch, &e);
}

void masquerade_add(int fd, const struct lease* lease, bool dual) {
  nft_begin(&batch, fd);
  masquerade_elements(lease, dual, false);
  errno = nft_commit(&batch);
  if (errno == ENOENT) {
    nft_begin(&batch, fd);
    masquerade_objects();
    masquerade_elements(lease, dual, false);
    errno = nft_commit(&batch);
  }
  if (errno) die("add to the masquerade sets");
}

void masquerade_remove(int fd, const struct lease* lease, bool dual) {
  nft_begin(&batch, fd);
  masquerade_elements(lease, dual, true);
  errno = nft_commit(&batch);
  if (errno && errno != ENOENT) die("remove from the masquerade sets");
}

/* fib daddr type local; dnat to l4proto . dport map @ports */
static void dnat_rule(const char* chain) {
  size_t rule = nft_rule_begin(&batch, NFPROTO_IPV4, chain);
  const uint32_t fib[] = {NFTA_FIB_DREG,           NFT_REG32_00,   NFTA_FIB_RESULT,
                          NFT_FIB_RESULT_ADDRTYPE, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR};
  nft_words(&batch, "fib", fib, 6);
  const uint32_t local = RTN_LOCAL;
  nft_cmp(&batch, NFT_CMP_EQ, &local, sizeof(local));
  nft_meta(&batch, NFT_REG32_00, NFT_META_L4PROTO);
  nft_payload(&batch, NFT_REG32_01, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
  nft_lookup(&batch, &kPorts);
  const uint32_t nat[] = {NFTA_NAT_TYPE,          NFT_NAT_DNAT,          NFTA_NAT_FAMILY,
                          NFPROTO_IPV4,           NFTA_NAT_REG_ADDR_MIN, NFT_REG32_00,
                          NFTA_NAT_REG_PROTO_MIN, NFT_REG32_01};
  nft_words(&batch, "nat", nat, 8);
  nest_end(&batch, rule);
}

static void portmap_objects(void) {
  nft_table(&batch, NFPROTO_IPV4);
  nft_set(&batch, NFPROTO_IPV4, &kPorts);
  nft_set(&batch, NFPROTO_IPV4, &kHairpin);
  nft_base_chain(&batch, NFPROTO_IPV4, "prerouting", NF_INET_PRE_ROUTING, -100);
  nft_base_chain(&batch, NFPROTO_IPV4, "output", NF_INET_LOCAL_OUT, -100);
  nft_base_chain(&batch, NFPROTO_IPV4, "postrouting", NF_INET_POST_ROUTING, 100);
  dnat_rule("prerouting");
  dnat_rule("output");
  size_t rule = nft_rule_begin(&batch, NFPROTO_IPV4, "postrouting");
  nft_payload(&batch, NFT_REG32_00, NFT_PAYLOAD_NETWORK_HEADER, 12, 8);
  nft_lookup(&batch, &kHairpin);
  nft_words(&batch, "masq", NULL, 0);
  nest_end(&batch, rule);
}

/* The mapping, and masquerade for the pod to itself and for the host's localhost to the pod. */
static void portmap_elements(const struct request* r, struct in_addr addr, bool remove) {
  struct {
    uint32_t proto;
    uint16_t port, pad;
  } key = {.port = htons(r->host_port)};
  *(uint8_t*)&key.proto = IPPROTO_TCP;
  struct {
    uint32_t addr;
    uint16_t port, pad;
  } target = {.addr = addr.s_addr, .port = htons(r->container_port)};
  const uint32_t hairpin[] = {addr.s_addr, addr.s_addr, htonl(INADDR_LOOPBACK), addr.s_addr};
  const struct nft_element mapping = {NFPROTO_IPV4, remove, kPorts.name, &key,
                                      sizeof(key),  1,      &target,     sizeof(target)};
  const struct nft_element sources = {NFPROTO_IPV4, remove, kHairpin.name, hairpin, 8, 2, NULL, 0};
  nft_element(&batch, &mapping);
  nft_element(&batch, &sources);
}

void portmap_add(int fd, const struct request* r, struct in_addr addr) {
  nft_begin(&batch, fd);
  portmap_elements(r, addr, false);
  errno = nft_commit(&batch);
  if (errno == ENOENT) {
    nft_begin(&batch, fd);
    portmap_objects();
    portmap_elements(r, addr, false);
    errno = nft_commit(&batch);
  }
  if (errno) die("add the mapping");
}

void portmap_remove(int fd, const struct request* r, struct in_addr addr) {
  nft_begin(&batch, fd);
  portmap_elements(r, addr, true);
  errno = nft_commit(&batch);
  if (errno && errno != ENOENT) die("remove the mapping");
}
