// SPDX-License-Identifier: Apache-2.0
#include "plugins/host-device/own_device.h"

#include <algorithm>
#include <string_view>

#include "libcni/attach/veth.h"
#include "libcni/base/names.h"
#include "plugins/host-device/device.h"

namespace host_device {
namespace {

bool is_ifname(const std::string& text) {
  return base::ifname_problem(text).empty();
}

/// Returns whether the alias can be the former name of a device; the text of an operator or of
/// another attachment is not.
bool has_former_name(const net::Link& link) {
  return is_ifname(link.alias) && !attach::names_owner(link.alias);
}

/// The kernel calls a link `dev` and a number when the host has a link of its name.
bool is_kernels_name(const std::string& name) {
  constexpr std::string_view kStart = "dev";
  return name.starts_with(kStart) && name.size() > kStart.size() &&
         name.find_first_not_of("0123456789", kStart.size()) == std::string::npos;
}

OwnDevice with_alias(const net::Link& link) {
  return {.link = link, .former_name = link.alias};
}

}  // namespace

bool DeviceSearch::has_mac_of_result(const net::Link& link) const {
  if (!request_.prev_result || !link.mac) return false;
  return std::ranges::any_of(
      request_.prev_result->interfaces, [&](const cni::Interface& interface) {
        return interface.name == request_.ifname && !interface.sandbox.empty() &&
               base::Mac::parse(interface.mac) == link.mac;
      });
}

bool DeviceSearch::fits(net::Netlink& where, const net::Link& link) const {
  if (has_mac_of_result(link)) return true;
  if (!conf_.device.empty()) {
    if (link.alias == conf_.device) return true;
    // The configuration may have an alternative name, which stays with the device.
    const auto named = net::find_link(where, conf_.device);
    return named && named->index == link.index && named->name != conf_.device;
  }
  return conf_.mac && conf_.mac == link.mac;
}

/// The runtime answers a refused ADD with a DEL: CNI_IFNAME is the device of another network then.
bool DeviceSearch::contradicts(const net::Link& link) const {
  return !link.alias.empty() && (!conf_.device.empty() || find_on_host());
}

/// A device that is gone, or a configuration that ADD would refuse, is not an obstacle for DEL.
std::optional<net::Link> DeviceSearch::find_on_host() const try {
  return find_device(host_, conf_);
} catch (const cni::Error&) {
  return std::nullopt;
}

std::optional<OwnDevice> DeviceSearch::find_in(net::Netlink& sandbox) const {
  const auto named = net::find_link(sandbox, request_.ifname);
  if (named && has_former_name(*named) && (fits(sandbox, *named) || !contradicts(*named)))
    return with_alias(*named);
  // Something in the pod has removed the alias.
  if (named && !has_former_name(*named) && !attach::names_owner(named->alias) &&
      has_mac_of_result(*named) && is_ifname(conf_.device) && !find_on_host())
    return OwnDevice{.link = *named, .former_name = conf_.device};
  for (const net::Link& link : net::list_links(sandbox))
    if (link.name != request_.ifname && has_former_name(link) && fits(sandbox, link))
      return with_alias(link);
  return std::nullopt;
}

std::optional<OwnDevice> DeviceSearch::find_returned() const {
  const auto has_returned = [&](const net::Link& link) {
    if (link.up || !has_former_name(link) || link.alias == link.name) return false;
    // The alias may be an operator's word for a device that no pod had.
    return link.alias == conf_.device ||
           (has_mac_of_result(link) &&
            (link.name == request_.ifname || is_kernels_name(link.name)));
  };
  for (const net::Link& link : net::list_links(host_))
    if (has_returned(link)) return with_alias(link);
  return std::nullopt;
}

}  // namespace host_device
