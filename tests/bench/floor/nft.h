/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/bench/floor/floor.h"

#define FLOOR_TABLE "floor"

/** A set, or a map when data_size is not 0; types are nft(8)'s numbers, so that `nft list` reads
 * them. */
struct nft_set {
  const char* name;
  uint32_t id;
  uint32_t key_type;
  uint32_t key_size;
  uint32_t data_type;
  uint32_t data_size;
};

/** `count` keys of one set, one after the other, to add or to remove. */
struct nft_element {
  int family;
  bool remove;
  const char* set;
  const void* key;
  size_t key_size;
  size_t count;
  const void* data;
  size_t data_size;
};

void nft_begin(struct batch* b, int fd);
/** Asks for the acknowledgement of the last message, ends the transaction, returns errno or 0. */
int nft_commit(struct batch* b);
void nft_message(struct batch* b, int type, uint16_t flags, int family);
void nft_table(struct batch* b, int family);
void nft_base_chain(struct batch* b, int family, const char* name, uint32_t hook, int32_t priority);
void nft_set(struct batch* b, int family, const struct nft_set* set);
void nft_element(struct batch* b, const struct nft_element* e);

/** A rule is nft_rule_begin, its expressions, nest_end; expressions work on the first 32-bit
 * registers. */
size_t nft_rule_begin(struct batch* b, int family, const char* chain);
void nft_words(struct batch* b, const char* name, const uint32_t* pairs, size_t count);
void nft_cmp(struct batch* b, uint32_t op, const void* value, size_t size);
void nft_lookup(struct batch* b, const struct nft_set* set);
void nft_payload(struct batch* b, uint32_t reg, uint32_t base, uint32_t offset, uint32_t size);
void nft_meta(struct batch* b, uint32_t reg, uint32_t key);
