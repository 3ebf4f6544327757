// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/run.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <system_error>

namespace fabric {
const std::vector<net::VxlanLink>& Run::list_vxlan() {
  if (!vxlan_ || !is_dry()) vxlan_ = net::list_vxlan(netlink_);
  return *vxlan_;
}

std::vector<net::Address> Run::list_addresses(int index) {
  if (options_.addresses.empty()) return net::list_addresses(netlink_, index);
  std::vector<net::Address> found;
  std::ranges::copy_if(options_.addresses, std::back_inserter(found),
                       [&](const net::Address& each) { return each.index == index; });
  return found;
}

bool Run::change(Change::What what, const std::string& object, const std::function<void()>& make,
                 std::size_t requests) {
  if (!is_dry()) try {
      recorder_.count(requests);
      make();
    } catch (const std::system_error& error) {
      recorder_.refuse({what, object}, error);
      return false;
    }
  recorder_.change(what, [&] { return object; });
  return true;
}

void Run::commit(const nft::Batch& batch, std::optional<std::uint32_t> generation) {
  if (is_dry() || batch.size() == 0) return;
  const auto begun = std::chrono::steady_clock::now();
  nft().commit(batch, generation);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  recorder_.add_filter_time(took.count());
}

}  // namespace fabric
