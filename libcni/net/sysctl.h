// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcni/net/netlink.h"

namespace net {

/// Sysctls of the calling process's network namespace; `key` is a path below /proc/sys, such as
/// `net/ipv4/ip_forward`: an interface name may contain dots.
std::optional<std::string> find_sysctl(const std::string& key);  ///< without the final newline
/// In an unprivileged container /proc/sys is read-only; then /host/proc/sys is written if it is
/// mounted (as in conf-examples/kubernetes). Both show the namespace of the process that opens
/// them.
void write_sysctl(const std::string& key, const std::string& value);
/// The same; returns the value before, or nothing for a sysctl that cannot be read. An equal value
/// is written as well, because one of net/ipv6/conf/all also goes to every link. A write that fails
/// is not an error if the present value is the `same`; then nothing is returned either.
std::optional<std::string> exchange_sysctl(const std::string& key, const std::string& value,
                                           bool (*same)(std::string_view, std::string_view));
/// Writes only if the value differs: /proc/sys may be read-only and already correct.
void ensure_sysctl(const std::string& key, const std::string& value);
/// The effective value of `net/ipv4/conf/<link>/<knob>`: the greater of this value and that of
/// "all" (IN_DEV_MAXCONF and IN_DEV_ORCONF of the kernel): rp_filter, route_localnet, proxy_arp.
/// Nothing when the key is missing.
std::optional<std::string> find_conf_in_effect(const std::string& link, const std::string& knob);
/// Writes it unless the link's own value or the effective value already is `value`.
void ensure_conf(const std::string& link, const std::string& knob, const std::string& value);
/// Writes the value if it differs; a missing or read-only key is not an error.
void try_write_sysctl(const std::string& key, const std::string& value) noexcept;

/// The sysctl that lets this namespace forward packets of AF_INET or AF_INET6.
std::string forwarding_key(int family);
/// The `accept_ra` keys of links that accept router advertisements (value 1): such links would stop
/// to do so and lose these routes as soon as IPv6 is forwarded; with value 2 they continue. Lists
/// links with such a route and links that may still get one: not lo, and not those that mostly lead
/// to pods or virtual machines, which are bridges, their ports, and a veth, tap or tunnel where
/// this machine has no address in a subnet.
std::vector<std::string> list_accept_ra_keys(Netlink& host);
/// Turns on forwarding of AF_INET or AF_INET6 packets in this namespace. Links that accept router
/// advertisements continue to do so.
void enable_forwarding(Netlink& host, int family);

}  // namespace net
