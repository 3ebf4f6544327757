/* SPDX-License-Identifier: Apache-2.0 */
/* nf_tables by hand: tables, sets and rules are sent only by the first call on a node; every later
 * call is one transaction of set elements. */
#include "tests/bench/floor/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>

void nft_message(struct batch* b, int type, uint16_t flags, int family) {
  struct nfgenmsg header = {.nfgen_family = (uint8_t)family, .version = NFNETLINK_V0};
  message_begin(b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, &header, sizeof(header));
}

void nft_begin(struct batch* b, int fd) {
  struct nfgenmsg header = {.version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES)};
  batch_reset(b, fd);
  message_begin(b, NFNL_MSG_BATCH_BEGIN, 0, &header, sizeof(header));
}

int nft_commit(struct batch* b) {
  uint32_t last = b->seq;
  struct nlmsghdr* m = (struct nlmsghdr*)(b->data + b->message);
  m->nlmsg_flags |= NLM_F_ACK;
  struct nfgenmsg header = {.version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES)};
  message_begin(b, NFNL_MSG_BATCH_END, 0, &header, sizeof(header));
  b->seq = last; /* the end of a batch is not acknowledged */
  return batch_commit(b, 0);
}

static void put_be32(struct batch* b, uint16_t type, uint32_t value) {
  message_put_u32(b, type, htonl(value));
}

void nft_table(struct batch* b, int family) {
  nft_message(b, NFT_MSG_NEWTABLE, NLM_F_CREATE, family);
  message_put_str(b, NFTA_TABLE_NAME, FLOOR_TABLE);
}

void nft_base_chain(struct batch* b, int family, const char* name, uint32_t hook,
                    int32_t priority) {
  nft_message(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, family);
  message_put_str(b, NFTA_CHAIN_TABLE, FLOOR_TABLE);
  message_put_str(b, NFTA_CHAIN_NAME, name);
  message_put_str(b, NFTA_CHAIN_TYPE, hook == NF_INET_FORWARD ? "filter" : "nat");
  size_t nest = nest_begin(b, NFTA_CHAIN_HOOK | NLA_F_NESTED);
  put_be32(b, NFTA_HOOK_HOOKNUM, hook);
  put_be32(b, NFTA_HOOK_PRIORITY, (uint32_t)priority);
  nest_end(b, nest);
}

void nft_set(struct batch* b, int family, const struct nft_set* set) {
  nft_message(b, NFT_MSG_NEWSET, NLM_F_CREATE, family);
  message_put_str(b, NFTA_SET_TABLE, FLOOR_TABLE);
  message_put_str(b, NFTA_SET_NAME, set->name);
  put_be32(b, NFTA_SET_ID, set->id);
  put_be32(b, NFTA_SET_KEY_TYPE, set->key_type);
  put_be32(b, NFTA_SET_KEY_LEN, set->key_size);
  if (!set->data_size) return;
  put_be32(b, NFTA_SET_FLAGS, NFT_SET_MAP);
  put_be32(b, NFTA_SET_DATA_TYPE, set->data_type);
  put_be32(b, NFTA_SET_DATA_LEN, set->data_size);
}

static void put_value(struct batch* b, uint16_t type, const void* value, size_t size) {
  size_t nest = nest_begin(b, type | NLA_F_NESTED);
  message_put(b, NFTA_DATA_VALUE, value, size);
  nest_end(b, nest);
}

void nft_element(struct batch* b, const struct nft_element* e) {
  nft_message(b, e->remove ? NFT_MSG_DELSETELEM : NFT_MSG_NEWSETELEM, e->remove ? 0 : NLM_F_CREATE,
              e->family);
  message_put_str(b, NFTA_SET_ELEM_LIST_TABLE, FLOOR_TABLE);
  message_put_str(b, NFTA_SET_ELEM_LIST_SET, e->set);
  size_t list = nest_begin(b, NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED);
  for (size_t i = 0; i < e->count; ++i) {
    size_t element = nest_begin(b, (uint16_t)((i + 1) | NLA_F_NESTED));
    put_value(b, NFTA_SET_ELEM_KEY, (const char*)e->key + i * e->key_size, e->key_size);
    if (e->data_size && !e->remove) put_value(b, NFTA_SET_ELEM_DATA, e->data, e->data_size);
    nest_end(b, element);
  }
  nest_end(b, list);
}

size_t nft_rule_begin(struct batch* b, int family, const char* chain) {
  nft_message(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, family);
  message_put_str(b, NFTA_RULE_TABLE, FLOOR_TABLE);
  message_put_str(b, NFTA_RULE_CHAIN, chain);
  return nest_begin(b, NFTA_RULE_EXPRESSIONS | NLA_F_NESTED);
}

/* Every expression's attributes are big-endian words. */
void nft_words(struct batch* b, const char* name, const uint32_t* pairs, size_t count) {
  size_t element = nest_begin(b, NFTA_LIST_ELEM | NLA_F_NESTED);
  message_put_str(b, NFTA_EXPR_NAME, name);
  size_t data = nest_begin(b, NFTA_EXPR_DATA | NLA_F_NESTED);
  for (size_t i = 0; i + 1 < count; i += 2) put_be32(b, (uint16_t)pairs[i], pairs[i + 1]);
  nest_end(b, data);
  nest_end(b, element);
}

void nft_cmp(struct batch* b, uint32_t op, const void* value, size_t size) {
  size_t element = nest_begin(b, NFTA_LIST_ELEM | NLA_F_NESTED);
  message_put_str(b, NFTA_EXPR_NAME, "cmp");
  size_t data = nest_begin(b, NFTA_EXPR_DATA | NLA_F_NESTED);
  put_be32(b, NFTA_CMP_SREG, NFT_REG32_00);
  put_be32(b, NFTA_CMP_OP, op);
  put_value(b, NFTA_CMP_DATA, value, size);
  nest_end(b, data);
  nest_end(b, element);
}

void nft_lookup(struct batch* b, const struct nft_set* set) {
  size_t element = nest_begin(b, NFTA_LIST_ELEM | NLA_F_NESTED);
  message_put_str(b, NFTA_EXPR_NAME, "lookup");
  size_t data = nest_begin(b, NFTA_EXPR_DATA | NLA_F_NESTED);
  message_put_str(b, NFTA_LOOKUP_SET, set->name);
  put_be32(b, NFTA_LOOKUP_SET_ID, set->id);
  put_be32(b, NFTA_LOOKUP_SREG, NFT_REG32_00);
  if (set->data_size) put_be32(b, NFTA_LOOKUP_DREG, NFT_REG32_00);
  nest_end(b, data);
  nest_end(b, element);
}

void nft_payload(struct batch* b, uint32_t reg, uint32_t base, uint32_t offset, uint32_t size) {
  const uint32_t words[] = {NFTA_PAYLOAD_DREG,   reg,    NFTA_PAYLOAD_BASE, base,
                            NFTA_PAYLOAD_OFFSET, offset, NFTA_PAYLOAD_LEN,  size};
  nft_words(b, "payload", words, 8);
}

void nft_meta(struct batch* b, uint32_t reg, uint32_t key) {
  const uint32_t words[] = {NFTA_META_DREG, reg, NFTA_META_KEY, key};
  nft_words(b, "meta", words, 4);
}
