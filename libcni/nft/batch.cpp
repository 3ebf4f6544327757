// SPDX-License-Identifier: Apache-2.0
#include "libcni/nft/batch.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <cstdio>
#include <memory>
#include <new>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>

#include "libcni/nft/comment.h"

namespace nft {
namespace {

constexpr std::size_t kScratchSize =
    16384;                               // far above the size of every message that is built here
constexpr std::uint32_t kHostOrder = 1;  // nft's BYTEORDER_HOST_ENDIAN
constexpr unsigned kTypeBits = 6;        // how nft packs the types of a concatenation

std::uint16_t number(Family family) {
  return static_cast<std::uint16_t>(family);
}
std::string quoted(const std::string& name) {
  return "\"" + name + "\"";
}

/// Userdata that holds one comment; freed with the object.
struct Comment {
  Comment(std::uint8_t type, const std::string& text)
      : buffer(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN)) {
    if (buffer == nullptr) throw std::bad_alloc();
    nftnl_udata_put_strz(buffer, type, text.c_str());
  }
  ~Comment() { nftnl_udata_buf_free(buffer); }
  Comment(const Comment&) = delete;
  Comment& operator=(const Comment&) = delete;
  const void* data() const { return nftnl_udata_buf_data(buffer); }
  std::uint32_t size() const { return nftnl_udata_buf_len(buffer); }
  nftnl_udata_buf* buffer;
};

/// Lets std::unique_ptr own objects that libnftnl allocates.
template <typename T, void (*Free)(const T*)>
struct Owned : std::unique_ptr<T, void (*)(const T*)> {
  explicit Owned(T* object) : std::unique_ptr<T, void (*)(const T*)>(object, Free) {
    if (object == nullptr) throw std::bad_alloc();
  }
};
using TableObject = Owned<nftnl_table, nftnl_table_free>;
using ChainObject = Owned<nftnl_chain, nftnl_chain_free>;
using RuleObject = Owned<nftnl_rule, nftnl_rule_free>;
using SetObject = Owned<nftnl_set, nftnl_set_free>;

std::uint32_t packed(const std::vector<Type>& types) {
  std::uint32_t all = 0;
  for (const Type type : types) all = all << kTypeBits | static_cast<std::uint32_t>(type);
  return all;
}

ChainObject chain_object(const Table& table, const std::string& name) {
  ChainObject chain(nftnl_chain_alloc());
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, table.name.c_str());
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, name.c_str());
  return chain;
}

SetObject set_object(const Table& table, const std::string& name) {
  SetObject set(nftnl_set_alloc());
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, table.name.c_str());
  nftnl_set_set_str(set.get(), NFTNL_SET_NAME, name.c_str());
  return set;
}

}  // namespace

std::uint32_t size_of(const std::vector<Type>& types) {
  std::uint32_t size = 0;
  for (const Type type : types) {
    const bool is_long = type == Type::ipv6_addr || type == Type::ifname;
    size += is_long ? 16 : type == Type::ether_addr ? 8 : 4;
  }
  return size;
}

Hook prerouting_nat() {
  return {"nat", NF_INET_PRE_ROUTING, -100};
}
Hook output_nat() {
  return {"nat", NF_INET_LOCAL_OUT, -100};
}
Hook postrouting_nat() {
  return {"nat", NF_INET_POST_ROUTING, 100};
}

Hook prerouting_raw() {
  return {"filter", NF_INET_PRE_ROUTING, -300};
}
Hook output_raw() {
  return {"filter", NF_INET_LOCAL_OUT, -300};
}
Hook forward_filter() {
  return {"filter", NF_INET_FORWARD, 0};
}
Hook output_filter() {
  return {"filter", NF_INET_LOCAL_OUT, 0};
}

/// Room for one message; libnftnl does not check bounds when it builds one. On the heap, where only
/// the pages are touched that the message fills.
struct Batch::Scratch {
  Scratch(int type, Family family, int flags)
      : header(nftnl_nlmsg_build_hdr(buffer.get(), static_cast<std::uint16_t>(type), number(family),
                                     static_cast<std::uint16_t>(flags), 0)) {}
  std::unique_ptr<char[]> buffer{new char[kScratchSize]};
  nlmsghdr* header;
};

void Batch::add(Scratch& message, std::string attempted) {
  attempts_.push_back(std::move(attempted));
  // Answers are matched by sequence number; 0 belongs to the begin message of the batch.
  message.header->nlmsg_seq = static_cast<std::uint32_t>(attempts_.size());
  const char* start = message.buffer.get();
  messages_.insert(messages_.end(), start, start + NLMSG_ALIGN(message.header->nlmsg_len));
}

void Batch::ensure_table(const std::string& text) {
  Scratch message(NFT_MSG_NEWTABLE, table_.family, NLM_F_CREATE);
  const TableObject table(nftnl_table_alloc());
  const Comment comment(NFTNL_UDATA_TABLE_COMMENT, text);
  nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, table_.name.c_str());
  nftnl_table_set_u32(table.get(), NFTNL_TABLE_FLAGS, 0);
  if (!text.empty())
    nftnl_table_set_data(table.get(), NFTNL_TABLE_USERDATA, comment.data(), comment.size());
  nftnl_table_nlmsg_build_payload(message.header, table.get());
  add(message, "create nf_tables table " + quoted(table_.name));
}

void Batch::remove_table() {
  Scratch message(NFT_MSG_DELTABLE, table_.family, 0);
  const TableObject table(nftnl_table_alloc());
  nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, table_.name.c_str());
  nftnl_table_nlmsg_build_payload(message.header, table.get());
  add(message, "remove nf_tables table " + quoted(table_.name));
}

void Batch::ensure_chain(const std::string& name, const std::string& text) {
  Scratch message(NFT_MSG_NEWCHAIN, table_.family, NLM_F_CREATE);
  const ChainObject chain = chain_object(table_, name);
  const Comment comment(NFTNL_UDATA_CHAIN_COMMENT, text);
  if (!text.empty())
    nftnl_chain_set_data(chain.get(), NFTNL_CHAIN_USERDATA, comment.data(), comment.size());
  nftnl_chain_nlmsg_build_payload(message.header, chain.get());
  add(message, "create nf_tables chain " + quoted(name));
}

void Batch::ensure_base_chain(const std::string& name, const Hook& hook) {
  Scratch message(NFT_MSG_NEWCHAIN, table_.family, NLM_F_CREATE);
  const ChainObject chain = chain_object(table_, name);
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TYPE, hook.type.c_str());
  nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_HOOKNUM, hook.hook);
  nftnl_chain_set_s32(chain.get(), NFTNL_CHAIN_PRIO, hook.priority);
  nftnl_chain_nlmsg_build_payload(message.header, chain.get());
  add(message, "create nf_tables base chain " + quoted(name));
}

void Batch::flush_chain(const std::string& name) {
  Scratch message(NFT_MSG_DELRULE, table_.family, 0);
  const RuleObject rule(nftnl_rule_alloc());
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, table_.name.c_str());
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, name.c_str());
  nftnl_rule_nlmsg_build_payload(message.header, rule.get());
  add(message, "flush nf_tables chain " + quoted(name));
}

void Batch::remove_chain(const std::string& name) {
  Scratch message(NFT_MSG_DELCHAIN, table_.family, 0);
  const ChainObject chain = chain_object(table_, name);
  nftnl_chain_nlmsg_build_payload(message.header, chain.get());
  add(message, "remove nf_tables chain " + quoted(name));
}

void Batch::put_rule(const std::string& chain, const Rule& rule, std::uint16_t flags) {
  Scratch message(NFT_MSG_NEWRULE, table_.family, flags);
  nftnl_rule_set_str(rule.raw(), NFTNL_RULE_TABLE, table_.name.c_str());
  nftnl_rule_set_str(rule.raw(), NFTNL_RULE_CHAIN, chain.c_str());
  nftnl_rule_nlmsg_build_payload(message.header, rule.raw());
  add(message, "add rule " + (rule.comment().empty() ? "" : quoted(rule.comment()) + " ") +
                   "to nf_tables chain " + quoted(chain));
}

void Batch::append_rule(const std::string& chain, const Rule& rule) {
  put_rule(chain, rule, NLM_F_CREATE | NLM_F_APPEND);
}

void Batch::insert_rule(const std::string& chain, const Rule& rule) {
  put_rule(chain, rule, NLM_F_CREATE);
}

void Batch::remove_rule(const std::string& chain, std::uint64_t handle) {
  Scratch message(NFT_MSG_DELRULE, table_.family, 0);
  const RuleObject rule(nftnl_rule_alloc());
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, table_.name.c_str());
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, chain.c_str());
  nftnl_rule_set_u64(rule.get(), NFTNL_RULE_HANDLE, handle);
  nftnl_rule_nlmsg_build_payload(message.header, rule.get());
  add(message, "remove rule " + std::to_string(handle) + " of nf_tables chain " + quoted(chain));
}

void Batch::ensure_set(const Set& set) {
  Scratch message(NFT_MSG_NEWSET, table_.family, NLM_F_CREATE);
  const SetObject object = set_object(table_, set.name);
  nftnl_set_set_u32(object.get(), NFTNL_SET_ID, static_cast<std::uint32_t>(attempts_.size() + 1));
  std::uint32_t flags = 0;
  if (!set.data.empty() || set.verdicts) flags |= NFT_SET_MAP;
  if (set.intervals) flags |= NFT_SET_INTERVAL;
  nftnl_set_set_u32(object.get(), NFTNL_SET_FLAGS, flags);
  nftnl_set_set_u32(object.get(), NFTNL_SET_KEY_TYPE, packed(set.key));
  nftnl_set_set_u32(object.get(), NFTNL_SET_KEY_LEN, size_of(set.key));
  // nft would read the bytes of a name in reverse order; in a concatenation it does not.
  const bool is_name = set.key == std::vector{Type::ifname};
  const std::unique_ptr<nftnl_udata_buf, decltype(&nftnl_udata_buf_free)> userdata(
      nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN), nftnl_udata_buf_free);
  if (is_name && nftnl_udata_put_u32(userdata.get(), NFTNL_UDATA_SET_KEYBYTEORDER, kHostOrder) != 0)
    nftnl_set_set_data(object.get(), NFTNL_SET_USERDATA, nftnl_udata_buf_data(userdata.get()),
                       nftnl_udata_buf_len(userdata.get()));
  if (!set.data.empty()) {
    nftnl_set_set_u32(object.get(), NFTNL_SET_DATA_TYPE, packed(set.data));
    nftnl_set_set_u32(object.get(), NFTNL_SET_DATA_LEN, size_of(set.data));
  }
  if (set.verdicts) nftnl_set_set_u32(object.get(), NFTNL_SET_DATA_TYPE, NFT_DATA_VERDICT);
  nftnl_set_nlmsg_build_payload(message.header, object.get());
  add(message, "create nf_tables set " + quoted(set.name));
}

void Batch::remove_set(const std::string& name) {
  Scratch message(NFT_MSG_DELSET, table_.family, 0);
  const SetObject object = set_object(table_, name);
  nftnl_set_nlmsg_build_payload(message.header, object.get());
  add(message, "remove nf_tables set " + quoted(name));
}

void Batch::add_element(const std::string& set, const Element& element) {
  Scratch message(NFT_MSG_NEWSETELEM, table_.family, NLM_F_CREATE | NLM_F_EXCL);
  const SetObject object = set_object(table_, set);
  nftnl_set_elem* raw = nftnl_set_elem_alloc();
  if (raw == nullptr) throw std::bad_alloc();
  nftnl_set_elem_add(object.get(), raw);  // the set frees it
  nftnl_set_elem_set(raw, NFTNL_SET_ELEM_KEY, element.key.data(),
                     static_cast<std::uint32_t>(element.key.size()));
  if (!element.data.empty())
    nftnl_set_elem_set(raw, NFTNL_SET_ELEM_DATA, element.data.data(),
                       static_cast<std::uint32_t>(element.data.size()));
  if (!element.chain.empty()) {
    nftnl_set_elem_set_u32(raw, NFTNL_SET_ELEM_VERDICT, static_cast<std::uint32_t>(NFT_JUMP));
    nftnl_set_elem_set_str(raw, NFTNL_SET_ELEM_CHAIN, element.chain.c_str());
  }
  if (element.interval_end)
    nftnl_set_elem_set_u32(raw, NFTNL_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
  const Comment comment(NFTNL_UDATA_SET_ELEM_COMMENT, element.comment);
  if (element.companions != 0)
    nftnl_udata_put(comment.buffer, kCompanions, sizeof element.companions, &element.companions);
  if (!element.comment.empty())
    nftnl_set_elem_set(raw, NFTNL_SET_ELEM_USERDATA, comment.data(), comment.size());
  nftnl_set_elems_nlmsg_build_payload(message.header, object.get());
  add(message, "add element " + quoted(element.comment) + " to nf_tables set " + quoted(set));
}

void Batch::remove_element(const std::string& set, const Bytes& key, bool interval_end) {
  Scratch message(NFT_MSG_DELSETELEM, table_.family, 0);
  const SetObject object = set_object(table_, set);
  nftnl_set_elem* raw = nftnl_set_elem_alloc();
  if (raw == nullptr) throw std::bad_alloc();
  nftnl_set_elem_add(object.get(), raw);
  nftnl_set_elem_set(raw, NFTNL_SET_ELEM_KEY, key.data(), static_cast<std::uint32_t>(key.size()));
  if (interval_end) nftnl_set_elem_set_u32(raw, NFTNL_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
  nftnl_set_elems_nlmsg_build_payload(message.header, object.get());
  add(message, "remove an element of nf_tables set " + quoted(set));
}

}  // namespace nft
