// SPDX-License-Identifier: Apache-2.0
#include "plugins/loopback/apply.h"

#include <algorithm>

#include "libcni/attach/owner.h"
#include "libcni/attach/veth.h"
#include "libcni/base/undo.h"
#include "libcni/net/link.h"
#include "plugins/loopback/plan.h"

namespace loopback {

cni::Result add(const cni::Request& request) {
  net::Netlink sandbox(*request.sandbox);
  const net::Link link = net::get_link(sandbox, kName);
  base::Undo undo;
  if (!link.up) {
    undo.add("set lo up", [&] { net::set_down(sandbox, link.index, link.alias); });
    net::set_up(sandbox, link.index, attach::alias_of(attach::owner_of(request)));
  }
  const auto addresses = net::list_addresses(sandbox, link.index);
  require_loopback(addresses);
  cni::Result result = make_result(request, addresses);
  undo.commit();
  return result;
}

void remove(const cni::Request& request) {
  if (!request.sandbox) return;
  net::Netlink sandbox(*request.sandbox);
  const net::Link link = net::get_link(sandbox, kName);
  const bool own = link.alias == attach::alias_of(attach::owner_of(request));
  // The reference leaves no alias: then prevResult must show that this attachment owns `lo`.
  if (!own && (attach::names_owner(link.alias) || !is_listed(request))) return;
  net::set_down(sandbox, link.index, own ? "" : link.alias);
}

void verify(const cni::Request& request) {
  const cni::Result& expected = cni::require_prev_result(request);
  net::Netlink sandbox(*request.sandbox);
  const net::Link link = net::get_link(sandbox, kName);
  if (!link.up) throw cni::Error(cni::Code::internal, "loopback interface is down");
  const auto addresses = net::list_addresses(sandbox, link.index);
  require_loopback(addresses);
  for (const auto& wanted : listed_addresses(expected))
    if (std::ranges::find(addresses, wanted, &net::Address::prefix) == addresses.end())
      throw cni::Error(cni::Code::internal,
                       "loopback interface lacks address \"" + wanted.text() + "\"");
}

}  // namespace loopback
