// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace net {

/// Sysctls of the calling process's network namespace; `key` is a path below /proc/sys, such as
/// `net/ipv4/ip_forward`: an interface name may contain dots.
std::optional<std::string> find_sysctl(const std::string& key);  ///< without the final newline
/// Containers that are not privileged have /proc/sys read-only; there /host/proc/sys is written
/// where it is mounted (conf-examples/kubernetes does). Both show the namespace of who opens them.
void write_sysctl(const std::string& key, const std::string& value);
/// Writes only when it reads otherwise: /proc/sys may be read-only and already right (S-256).
void ensure_sysctl(const std::string& key, const std::string& value);
/// Writes; a missing or read-only key is not an error.
void try_write_sysctl(const std::string& key, const std::string& value) noexcept;

/// Turns on forwarding of AF_INET or AF_INET6 packets in this namespace (reference-plugins 1.14).
void enable_forwarding(int family);

}  // namespace net
