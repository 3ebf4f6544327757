// SPDX-License-Identifier: Apache-2.0
#include "plugins/loopback/plan.h"

#include <algorithm>

#include "libcni/base/mac.h"

namespace loopback {

bool is_listed(const cni::Request& request) {
  return request.prev_result &&
         std::ranges::any_of(request.prev_result->interfaces, [](const auto& interface) {
           return interface.name == kName && !interface.sandbox.empty();
         });
}

void require_loopback(const std::vector<net::Address>& addresses) {
  for (const auto& each : addresses)
    if (!each.prefix.address.is_loopback())
      throw cni::Error(
          cni::Code::internal,
          "loopback interface found with non-loopback address \"" + each.prefix.text() + "\"",
          "only 127.0.0.0/8 and ::1 belong on lo of a sandbox");
}

cni::Result make_result(const cni::Request& request, const std::vector<net::Address>& addresses) {
  if (request.prev_result) return *request.prev_result;
  cni::Result result;
  result.interfaces.push_back({.name = kName, .mac = base::Mac{}.text(), .sandbox = request.netns});
  for (const bool v4 : {true, false}) {
    const auto first = std::ranges::find_if(
        addresses, [&](const net::Address& each) { return each.prefix.address.is_v4() == v4; });
    if (first != addresses.end()) result.ips.push_back({.address = first->prefix, .interface = 0});
  }
  return result;
}

std::vector<base::Prefix> listed_addresses(const cni::Result& result) {
  std::vector<base::Prefix> listed;
  for (const auto& ip : result.ips) {
    const bool has_link = ip.interface && *ip.interface >= 0 &&
                          static_cast<std::size_t>(*ip.interface) < result.interfaces.size();
    if (!has_link) continue;
    const auto& link = result.interfaces[static_cast<std::size_t>(*ip.interface)];
    if (link.name == kName && !link.sandbox.empty()) listed.push_back(ip.address);
  }
  return listed;
}

}  // namespace loopback
