// SPDX-License-Identifier: Apache-2.0
#include "tests/support/host/oracle_kernel.h"

#include <span>
#include <stdexcept>

namespace test::oracle {

void require(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string(what) + ": " + nl_geterror(result));
}

Kernel::Kernel() {
  require(nl_connect(socket_.get(), NETLINK_ROUTE), "connect to rtnetlink");
  links_ = cache_of([](nl_sock* socket, nl_cache** cache) {
    return rtnl_link_alloc_cache(socket, AF_UNSPEC, cache);
  });
}

Cache Kernel::cache_of(const std::function<int(nl_sock*, nl_cache**)>& fill) {
  nl_cache* cache = nullptr;
  require(fill(socket_.get(), &cache), "read objects of the kernel");
  return {cache, &nl_cache_free};
}

void Kernel::dump(int type, void* header, std::size_t size, const Take& take) {
  const nl_recvmsg_msg_cb_t call = [](nl_msg* message, void* to) -> int {
    (*static_cast<const Take*>(to))(nlmsg_hdr(message));
    return NL_OK;
  };
  require(
      nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, call, const_cast<Take*>(&take)),
      "set a callback");
  require(nl_send_simple(socket_.get(), type, NLM_F_DUMP, header, size), "ask for a list");
  require(nl_recvmsgs_default(socket_.get()), "read a list");
}

std::string Kernel::name_of(int index) const {
  Text text{};
  return rtnl_link_i2name(links_.get(), index, text.data(), text.size()) == nullptr ? ""
                                                                                    : text.data();
}

std::string text_of(nl_addr* address) {
  Text text{};
  return nl_addr2str(address, text.data(), text.size());
}

std::string part(const char* word, nl_addr* address) {
  return address == nullptr ? "" : std::string(" ") + word + " " + text_of(address);
}

nlattr* attribute_at(nlmsghdr* message, int header, std::initializer_list<int> path) {
  nlattr* found = nlmsg_find_attr(message, header, *path.begin());
  for (const int type : std::span(path).subspan(1))
    if (found != nullptr)
      found = nla_find(static_cast<nlattr*>(nla_data(found)), nla_len(found), type);
  return found;
}

}  // namespace test::oracle
