// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libcni/net/netlink.h"

namespace net {

/// Sysctls of the calling process's network namespace; `key` is a path below /proc/sys, such as
/// `net/ipv4/ip_forward`: an interface name may contain dots.
std::optional<std::string> find_sysctl(const std::string& key);  ///< without the final newline
/// Containers that are not privileged have /proc/sys read-only; there /host/proc/sys is written
/// where it is mounted (conf-examples/kubernetes does). Both show the namespace of who opens them.
void write_sysctl(const std::string& key, const std::string& value);
/// Writes only when it reads otherwise: /proc/sys may be read-only and already right (S-256).
void ensure_sysctl(const std::string& key, const std::string& value);
/// `net/ipv4/conf/<link>/<knob>`, where what counts is the greater one of this value and that of
/// "all" (IN_DEV_MAXCONF and IN_DEV_ORCONF of the kernel): rp_filter, route_localnet, proxy_arp.
/// Empty where the key is missing.
std::optional<std::string> find_conf_in_effect(const std::string& link, const std::string& knob);
/// Writes it unless the link's own value or what is in effect is `value` already.
void ensure_conf(const std::string& link, const std::string& knob, const std::string& value);
/// Writes unless it reads so already; a missing or read-only key is not an error.
void try_write_sysctl(const std::string& key, const std::string& value) noexcept;

/// The sysctl that lets this namespace forward packets of AF_INET or AF_INET6.
std::string forwarding_key(int family);
/// The `accept_ra` of links that take router advertisements (1), and would stop and lose their
/// routes by them as soon as IPv6 is forwarded; 2 lets them go on. Links with such a route, and
/// those that may still get one: not lo, bridges or ports, behind which there are mostly pods.
std::vector<std::string> list_accept_ra_keys(Netlink& host);
/// Turns on forwarding of AF_INET or AF_INET6 packets in this namespace (reference-plugins 1.14).
/// Links that take router advertisements go on doing so.
void enable_forwarding(Netlink& host, int family);

}  // namespace net
