// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "libcni/base/unique_fd.h"

namespace conformance {

/// The paths that a row uses. All of them are on a tmpfs that only this process sees.
inline constexpr const char* kWork = "/run/plumb-conformance";
inline constexpr const char* kPlugins =
    "/run/plumb-conformance/bin";  ///< the folder of the binary under test
inline constexpr const char* kDoubles = "/run/plumb-conformance/doubles";
inline constexpr const char* kRecords = "/run/plumb-conformance/records";
inline constexpr const char* kScratch = "/run/plumb-conformance/scratch";
inline constexpr const char* kSandbox = "/run/netns/t";

/// MAC and address of the pod's interface in prevResult.
inline constexpr const char* kPrevMac = "02:00:00:00:00:01";
inline constexpr const char* kPrevAddress = "10.99.0.2/24";
/// MAC of the other end of that interface, on the host.
inline constexpr const char* kPrevHostMac = "02:00:00:00:00:02";

/// The content of a sandbox when a plugin gets it.
enum class SandboxKind {
  empty,
  attached,  ///< eth0, as the plugin before a chained one has made it
};

/// Puts this process into fresh network and mount namespaces: an empty host with `lo` up, empty
/// /run and /var/lib, the folder of `binary` at kPlugins, one sandbox at kSandbox. Needs root, or
/// CAP_SYS_ADMIN and CAP_NET_ADMIN. Throws std::system_error.
void enter_new_world(const std::string& binary, SandboxKind kind);

/// Creates a network namespace and binds it to `path`, as `ip netns add` does. It is of the kind
/// that enter_new_world() was given.
void make_sandbox(const std::string& path);
/// Makes what a chained plugin finds behind `ifname`: a veth that is up, with the MAC address and
/// the address of make_prev_result(), and its other end on the host. Does nothing where there is a
/// link of that name, where `ifname` cannot name one, and without the ip tool.
void attach_sandbox(const std::string& path, const std::string& ifname);
/// The name of that other end.
std::string host_end_of(const std::string& path, const std::string& ifname);
/// Adds a link to the host that is down, for plugins that move one into a pod. Does nothing while
/// it exists, on the host or in a sandbox. Snapshots leave out such links on the host, because a
/// row with several attachments needs several, and because they end with a sandbox.
void add_device(const std::string& name);
/// Returns whether `name` is one of such a link: `dev-...`, or `far-...` of its other end.
bool is_device(const std::string& name);
/// Removes the sandbox again.
void remove_sandbox(const std::string& path);

/// Opens the namespace at `path` for ProcessSetup::netns; invalid when it does not exist.
base::UniqueFd open_namespace(const std::string& path);

/// The identity of the namespace at `path`: device and inode; empty when it does not exist.
std::string namespace_id(const std::string& path);

}  // namespace conformance
