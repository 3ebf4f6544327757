// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/sysctls.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <set>

#include "libcni/base/file.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/unique_fd.h"
#include "libcni/net/link.h"
#include "libcni/net/route.h"
#include "libcni/net/sysctl.h"

namespace fabric {
namespace {

constexpr int kLockSeconds = 5;

std::string path_in(const std::string& folder) {
  return folder + "/sysctls";
}

std::string line_of(const ChangedSysctl& changed) {
  return changed.key + " " + changed.before + " " + changed.ours + "\n";
}

bool is_forwarding(const std::string& key) {
  return key.ends_with("/ip_forward") || key.ends_with("/forwarding");
}

std::set<int> default_links(net::Netlink& netlink) {
  std::set<int> links;
  for (const int family : {AF_INET, AF_INET6})
    for (const net::Route& route : net::list_main_routes(netlink, family, 0))
      if (route.dst.length == 0) links.insert(route.oif);
  return links;
}

/// A link whose packets this machine probably forwards; empty when there is none. In a container
/// that plays a node, the veth of the default route does not count.
std::string find_forwarded_link(net::Netlink& netlink) {
  const std::set<int> spared = default_links(netlink);
  const std::vector<net::Link> links = net::list_links(netlink);
  for (const net::Link& link : links) {
    const bool ends_here = std::ranges::any_of(links, [&](const net::Link& other) {
      return other.index == link.peer_index && other.peer_index == link.index;
    });
    if (spared.contains(link.index)) continue;
    if (link.kind == "bridge" || link.kind == "tun" || (link.kind == "veth" && !ends_here))
      return link.kind + " \"" + link.name + "\"";
  }
  return {};
}

/// Why the sysctl keeps its value; empty when it can be restored.
std::string reason_to_leave(const ChangedSysctl& changed, const std::string& present,
                            const std::string& forwarded) {
  if (present != changed.ours) return "another program has changed it from " + changed.ours;
  if (forwarded.empty()) return {};
  return is_forwarding(changed.key) ? forwarded + " may need it" : "forwarding stays on";
}

}  // namespace

std::vector<ChangedSysctl> read_changed_sysctls(const std::string& folder) {
  // By hand: a stream would link the locales, 600 KB in each plugin that uses this file .
  constexpr const char* kBlanks = " \t\n";
  const std::string text = base::find_file(path_in(folder)).value_or("");
  std::vector<std::string> words;
  for (std::size_t begin = text.find_first_not_of(kBlanks); begin != std::string::npos;) {
    const std::size_t end = std::min(text.find_first_of(kBlanks, begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(kBlanks, end);
  }
  std::vector<ChangedSysctl> all;
  for (std::size_t i = 0; i + 2 < words.size(); i += 3)
    all.push_back({words[i], words[i + 1], words[i + 2]});
  return all;
}

void record_sysctl(const std::string& folder, const ChangedSysctl& changed) {
  base::ensure_directory(folder, 0755);
  const std::string path = path_in(folder);
  const base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) base::throw_errno("open " + path);
  if (!base::lock_exclusive(fd.get(), kLockSeconds)) base::throw_errno("lock " + path, EAGAIN);
  const std::vector<ChangedSysctl> known = read_changed_sysctls(folder);
  if (std::ranges::find(known, changed.key, &ChangedSysctl::key) == known.end())
    base::write_all(fd.get(), line_of(changed), path);
}

RestoredSysctls restore_sysctls(net::Netlink& netlink, const std::string& folder) {
  std::vector<ChangedSysctl> all = read_changed_sysctls(folder);
  if (all.empty()) return {};
  // Forwarding first: a link accepts router advertisements again once forwarding is off.
  std::stable_partition(all.begin(), all.end(),
                        [](const ChangedSysctl& changed) { return is_forwarding(changed.key); });
  const std::string forwarded = find_forwarded_link(netlink);
  RestoredSysctls result;
  std::string kept;
  for (const ChangedSysctl& changed : all) {
    const auto present = net::find_sysctl(changed.key);
    if (!present || *present == changed.before) continue;
    const std::string reason = reason_to_leave(changed, *present, forwarded);
    if (reason.empty()) {
      net::write_sysctl(changed.key, changed.before);
      result.restored.push_back(changed.key + " = " + changed.before);
      continue;
    }
    result.left.push_back(changed.key + " = " + *present + ": " + reason);
    if (*present == changed.ours) kept += line_of(changed);
  }
  if (kept.empty())
    base::remove_file(path_in(folder));
  else
    base::write_file_atomic(path_in(folder), kept, 0644);
  return result;
}

}  // namespace fabric
