// SPDX-License-Identifier: Apache-2.0
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_conntrack.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/udata.h>

#include "libcni/nft/comment.h"
#include "libcni/nft/expressions.h"
#include "libcni/nft/xt.h"

namespace nft {
namespace {

constexpr std::size_t kAlignment = 8;  // XT_ALIGN

/// A match of iptables whose data is the structure `info`, as the tool writes it.
template <typename Info>
nftnl_expr* xt_match(const char* name, unsigned revision, const Info& info) {
  constexpr std::size_t kSize = (sizeof info + kAlignment - 1) / kAlignment * kAlignment;
  void* data = std::calloc(1, kSize);  // the expression frees it
  if (data == nullptr) throw std::bad_alloc();
  std::memcpy(data, &info, sizeof info);
  nftnl_expr* made = expression("match");
  nftnl_expr_set_str(made, NFTNL_EXPR_MT_NAME, name);
  nftnl_expr_set_u32(made, NFTNL_EXPR_MT_REV, revision);
  nftnl_expr_set(made, NFTNL_EXPR_MT_INFO, data, kSize);
  return made;
}

}  // namespace

Rule& Rule::xt_comment(const std::string& text) {
  xt_comment_info info{};
  text.copy(info.comment, sizeof info.comment - 1);
  return add(xt_match("comment", 0, info));
}

Rule& Rule::xt_connection_is_known() {
  xt_conntrack_mtinfo3 info{};
  info.match_flags = XT_CONNTRACK_STATE;
  info.state_mask = kKnownConnections;
  return add(xt_match("conntrack", 3, info));
}

Rule& Rule::note(const std::string& text) {
  nftnl_udata_buf* buffer = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
  if (buffer == nullptr) throw std::bad_alloc();
  nftnl_udata_put_strz(buffer, kNote, text.c_str());
  nftnl_rule_set_data(rule_, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(buffer),
                      nftnl_udata_buf_len(buffer));
  nftnl_udata_buf_free(buffer);
  return *this;
}

}  // namespace nft
