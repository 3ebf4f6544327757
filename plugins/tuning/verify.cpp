// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "libcni/attach/sandbox.h"
#include "libcni/net/sysctl.h"
#include "plugins/tuning/apply.h"
#include "plugins/tuning/result.h"
#include "plugins/tuning/values.h"

namespace tuning {
namespace {

[[noreturn]] void differs(const std::string& what, const std::string& wanted,
                          const std::string& found) {
  attach::differs("Error: Tuning configured " + what + " is " + wanted + ", current value is " +
                  found);
}

/// The present value; nothing for a sysctl that can only be written.
std::optional<std::string> read(const Sysctl& sysctl) try {
  auto value = net::find_sysctl(sysctl.path);
  if (!value) attach::differs("sysctl " + sysctl.path + " does not exist, must be " + sysctl.value);
  return value;
} catch (const std::system_error& error) {
  if (error.code().value() != EACCES) throw;
  return std::nullopt;
}

void verify_sysctls(const Conf& conf) {
  for (const Sysctl& sysctl : conf.sysctls) {
    if (sysctl.value.empty()) continue;  // a write of no bytes changes nothing
    const auto found = read(sysctl);
    if (found && !same_value(*found, sysctl.value))
      differs("value of /proc/sys/" + sysctl.path, sysctl.value, *found);
  }
}

std::string on_or_off(bool on) {
  return on ? "true" : "false";
}

/// A later plugin of the chain may have changed MAC address and MTU; the result names its values.
void verify_link(const Conf& conf, const net::LinkSettings& found, const std::string& ifname,
                 const cni::Interface* reported) {
  const net::LinkSettings& wanted = conf.link;
  if (wanted.mac && wanted.mac != found.mac &&
      !(found.mac && reported != nullptr && base::Mac::parse(reported->mac) == found.mac))
    differs("Ethernet of " + ifname, conf.mac_text, found.mac ? found.mac->text() : "");
  if (wanted.promisc && wanted.promisc != found.promisc)
    attach::differs("Error: Tuning link " + ifname +
                    " configured promisc is true, current value is 0");
  if (wanted.mtu && wanted.mtu != found.mtu &&
      !(reported != nullptr && reported->mtu == static_cast<std::uint64_t>(*found.mtu)))
    differs("MTU of " + ifname, std::to_string(*wanted.mtu), std::to_string(*found.mtu));
  if (wanted.allmulti && wanted.allmulti != found.allmulti)
    differs("all-multicast mode of " + ifname, on_or_off(*wanted.allmulti),
            on_or_off(*found.allmulti));
  if (wanted.tx_queue_length && wanted.tx_queue_length != found.tx_queue_length)
    differs("Transmit Queue Length of " + ifname, std::to_string(*wanted.tx_queue_length),
            std::to_string(*found.tx_queue_length));
}

}  // namespace

void verify(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  const cni::Result& result = cni::require_prev_result(request);
  if (conf.sysctls.empty() && conf.link.empty()) return;
  request.sandbox->run([&] {
    verify_sysctls(conf);
    if (conf.link.empty()) return;
    net::Netlink netlink;
    const auto link = net::find_link_settings(netlink, request.ifname);
    if (!link) attach::differs("Cannot find container link " + request.ifname);
    verify_link(conf, link->settings, request.ifname, find_interface(result, request.ifname));
  });
}

}  // namespace tuning
