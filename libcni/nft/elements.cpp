// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <libmnl/libmnl.h>

#include "libcni/base/gone.h"
#include "libcni/base/sys_error.h"
#include "libcni/net/attributes.h"
#include "libcni/nft/comment.h"
#include "libcni/nft/nft.h"
#include "libcni/nft/socket.h"

namespace nft {
namespace {

int type_of_message(int message) {
  return NFNL_SUBSYS_NFTABLES << 8 | message;
}

Bytes value_of(const nlattr& attribute) {
  Bytes value;
  net::for_each_nested(attribute, [&](const nlattr& inner) {
    if (net::type_of(inner) == NFTA_DATA_VALUE)
      value.assign(net::bytes_of(inner).begin(), net::bytes_of(inner).end());
  });
  return value;
}

/// The chain that an element of a map of verdicts leads to.
std::string chain_of(const nlattr& attribute) {
  std::string chain;
  net::for_each_nested(attribute, [&](const nlattr& inner) {
    if (net::type_of(inner) != NFTA_DATA_VERDICT) return;
    net::for_each_nested(inner, [&](const nlattr& part) {
      if (net::type_of(part) == NFTA_VERDICT_CHAIN) chain = net::text_of(part);
    });
  });
  return chain;
}

std::string comment_of(const nlattr& attribute) {
  std::string comment;
  net::for_each_nested(attribute, [&](const nlattr& part) {
    if (net::type_of(part) == NFTA_SET_ELEM_USERDATA) comment = read_comment(net::bytes_of(part));
  });
  return comment;
}

Element read_element(const nlattr& attribute) {
  Element element{.key = {}, .comment = comment_of(attribute)};
  net::for_each_nested(attribute, [&](const nlattr& part) {
    if (net::type_of(part) == NFTA_SET_ELEM_KEY) element.key = value_of(part);
    if (net::type_of(part) == NFTA_SET_ELEM_DATA) {
      element.data = value_of(part);
      element.chain = chain_of(part);
    }
    if (net::type_of(part) != NFTA_SET_ELEM_USERDATA) return;
    const auto companions = find_userdata(net::bytes_of(part), kCompanions);
    if (!companions.empty()) element.companions = companions[0];
  });
  return element;
}

// Parses one element at a time: libnftnl would build a set object with all elements, and there can
// be thousands.
void for_each_element(const nlmsghdr& answer, const std::function<void(const nlattr&)>& visit) {
  net::for_each_attribute<nfgenmsg>(answer, [&](const nlattr& attribute) {
    if (net::type_of(attribute) == NFTA_SET_ELEM_LIST_ELEMENTS)
      net::for_each_nested(attribute, visit);
  });
}

nlmsghdr* start(NetfilterSocket& socket, const Table& table, const std::string& set, int flags) {
  nlmsghdr* request =
      socket.start(type_of_message(NFT_MSG_GETSETELEM), static_cast<int>(table.family), flags);
  mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_TABLE, table.name.c_str());
  mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_SET, set.c_str());
  return request;
}

}  // namespace

std::optional<Element> Nft::find_element(const Table& table, const std::string& set,
                                         const Bytes& key) {
  nlmsghdr* request = start(*socket_, table, set, 0);
  nlattr* list = mnl_attr_nest_start(request, NFTA_SET_ELEM_LIST_ELEMENTS);
  nlattr* item = mnl_attr_nest_start(request, NFTA_LIST_ELEM);
  nlattr* value = mnl_attr_nest_start(request, NFTA_SET_ELEM_KEY);
  mnl_attr_put(request, NFTA_DATA_VALUE, key.size(), key.data());
  mnl_attr_nest_end(request, value);
  mnl_attr_nest_end(request, item);
  mnl_attr_nest_end(request, list);
  const std::string attempted = "look for an element of nf_tables set \"" + set + "\"";
  std::optional<Element> found;
  const int errnum = socket_->ask(request, attempted, [&](const nlmsghdr& answer) {
    for_each_element(answer, [&](const nlattr& element) { found = read_element(element); });
  });
  if (errnum != 0 && !base::is_gone(errnum, base::Object::rule))
    base::throw_errno(attempted, errnum);
  return found;
}

std::vector<Element> Nft::list_elements(const Table& table, const std::string& set,
                                        const std::function<bool(std::string_view)>& wanted) {
  std::vector<Element> elements;
  socket_->dump([&] { return start(*socket_, table, set, NLM_F_DUMP); },
                "list elements of nf_tables set \"" + set + "\"",
                [&](const nlmsghdr& answer) {
                  for_each_element(answer, [&](const nlattr& element) {
                    if (wanted(comment_of(element))) elements.push_back(read_element(element));
                  });
                },
                [&] { elements.clear(); });
  return elements;
}

void Nft::visit_elements(const Table& table, const std::string& set,
                         const std::function<void(std::span<const std::uint8_t>, bool)>& visit,
                         const std::function<void()>& restart) {
  const auto read = [&](const nlattr& element) {
    std::span<const std::uint8_t> key;
    std::uint32_t flags = 0;
    net::for_each_nested(element, [&](const nlattr& part) {
      if (net::type_of(part) == NFTA_SET_ELEM_FLAGS) flags = ntohl(net::u32_of(part));
      if (net::type_of(part) == NFTA_SET_ELEM_KEY)
        net::for_each_nested(part, [&](const nlattr& value) {
          if (net::type_of(value) == NFTA_DATA_VALUE) key = net::bytes_of(value);
        });
    });
    visit(key, (flags & NFT_SET_ELEM_INTERVAL_END) != 0);
  };
  socket_->dump([&] { return start(*socket_, table, set, NLM_F_DUMP); },
                "list elements of nf_tables set \"" + set + "\"",
                [&](const nlmsghdr& answer) { for_each_element(answer, read); }, restart);
}

}  // namespace nft
