// SPDX-License-Identifier: Apache-2.0
#include "plugins/dummy/conf.h"

#include "libcni/attach/veth.h"
#include "libcni/net/upper_link.h"

namespace dummy {
namespace {

net::Link make(const base::Netns& netns, net::Netlink& sandbox, const std::string& ifname,
               const std::string& alias) {
  net::add_upper_link(sandbox, netns,
                      {.name = ifname, .kind = "dummy", .group = attach::mark_of(alias)});
  net::Link link = net::get_link(sandbox, ifname);
  net::name_link(sandbox, link.index, ifname, alias);
  return link;
}

}  // namespace

attach::Upper parse_conf(const cni::Request& request) {
  if (request.config.get_object("ipam").get_string("type").empty())
    throw cni::Error(cni::Code::invalid_config, "dummy interface requires an IPAM configuration",
                     "key ipam: addresses are all that a dummy interface is for");
  return {.kind = "dummy",
          .reach = attach::Reach::nothing,
          .make_link = [&request](net::Netlink& sandbox, const std::string& ifname,
                                  const std::string& alias) {
            return make(*request.sandbox, sandbox, ifname, alias);
          }};
}

}  // namespace dummy
