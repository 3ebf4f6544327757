// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/sysctl.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "libcni/base/gone.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/unique_fd.h"
#include "libcni/net/address.h"
#include "libcni/net/link.h"
#include "libcni/net/route.h"

namespace net {
namespace {

std::string path_of(const std::string& key) {
  return "/proc/sys/" + key;
}

base::UniqueFd open_to(int flags, const std::string& key) noexcept {
  base::UniqueFd fd(::open(path_of(key).c_str(), flags | O_CLOEXEC));
  if (fd || errno != EROFS) return fd;
  base::UniqueFd host(::open(("/host" + path_of(key)).c_str(), flags | O_CLOEXEC));
  if (!host) errno = EROFS;
  return host;
}

bool write_to(int fd, const std::string& value) noexcept {
  return ::pwrite(fd, value.data(), value.size(), 0) == static_cast<ssize_t>(value.size());
}

/// Reads `fd`, without the final newline. Returns nothing and sets errno when it cannot be read.
std::optional<std::string> read_from(int fd) noexcept {
  constexpr std::size_t kUsual = 256;
  constexpr std::size_t kLongest = 65536;  // the kernel's limit for lists of ports
  std::string value;
  // Some sysctls give their beginning only, to one read: the rest cannot be read on its own.
  for (const std::size_t room : {kUsual, kLongest}) {
    value.resize(room);
    const ssize_t size = ::pread(fd, value.data(), value.size(), 0);
    if (size < 0) return std::nullopt;
    value.resize(static_cast<std::size_t>(size));
    if (value.size() < room) break;
  }
  if (value.ends_with('\n')) value.pop_back();
  return value;
}

std::string conf_key(const std::string& link, const std::string& knob) {
  return "net/ipv4/conf/" + link + "/" + knob;
}

/// The greater of two values of a knob. The values are small numbers.
const std::string& greater(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? (a.size() < b.size() ? b : a) : std::max(a, b);
}

/// Links that have an address of this machine in a subnet, and not only a gateway's address.
std::set<int> list_links_with_subnet(Netlink& host) {
  std::set<int> links;
  for (const Address& each : list_addresses(host))
    if (!each.prefix.address.is_link_local_unicast() &&
        each.prefix != base::host_prefix(each.prefix.address))
      links.insert(each.index);
  return links;
}

/// Returns whether a router may be behind the link, and not a pod or a virtual machine.
bool may_lead_outside(const Link& link, const std::set<int>& with_subnet) {
  if (link.name == "lo" || link.kind == "bridge" || link.master != 0) return false;
  const bool has_other_end =
      link.kind == "veth" || link.kind == "tun" || link.kind == "vxlan" || link.kind == "geneve";
  return !has_other_end || with_subnet.contains(link.index);
}

}  // namespace

std::optional<std::string> find_sysctl(const std::string& key) {
  const base::UniqueFd fd(::open(path_of(key).c_str(), O_RDONLY | O_CLOEXEC));
  if (fd)
    if (auto value = read_from(fd.get())) return value;
  // The keys of a link vanish with the link, possibly between the two calls.
  if (base::is_gone(errno, base::Object::file)) return std::nullopt;
  base::throw_errno("read sysctl " + key);
}

void write_sysctl(const std::string& key, const std::string& value) {
  const base::UniqueFd fd = open_to(O_WRONLY, key);
  if (!fd || !write_to(fd.get(), value)) base::throw_errno("set sysctl " + key + " to " + value);
}

std::optional<std::string> exchange_sysctl(const std::string& key, const std::string& value,
                                           bool (*same)(std::string_view, std::string_view)) {
  base::UniqueFd fd = open_to(O_RDWR, key);
  // The mode of a sysctl also binds root: some can only be written, such as route/flush.
  if (!fd && errno == EACCES) fd = open_to(O_WRONLY, key);
  auto before = fd ? read_from(fd.get()) : std::nullopt;
  if (fd && write_to(fd.get(), value)) return before;
  const int errnum = errno;
  if (!fd) fd = open_to(O_RDONLY, key);
  if (fd && !before) before = read_from(fd.get());
  if (!before || !same(*before, value))
    base::throw_errno("set sysctl " + key + " to " + value, errnum);
  return std::nullopt;
}

void ensure_sysctl(const std::string& key, const std::string& value) {
  if (find_sysctl(key) != value) write_sysctl(key, value);
}

std::optional<std::string> find_conf_in_effect(const std::string& link, const std::string& knob) {
  const auto own = find_sysctl(conf_key(link, knob));
  const auto all = own ? find_sysctl(conf_key("all", knob)) : std::nullopt;
  return all ? greater(*own, *all) : own;
}

void ensure_conf(const std::string& link, const std::string& knob, const std::string& value) {
  const std::string key = conf_key(link, knob);
  if (find_sysctl(key) == value || find_conf_in_effect(link, knob) == value) return;
  write_sysctl(key, value);
}

void try_write_sysctl(const std::string& key, const std::string& value) noexcept {
  // The knobs written this way only improve performance; a kernel without them works as well.
  const base::UniqueFd fd = open_to(O_RDWR, key);
  if (fd && read_from(fd.get()) != value) write_to(fd.get(), value);
}

std::string forwarding_key(int family) {
  return family == AF_INET ? "net/ipv4/ip_forward" : "net/ipv6/conf/all/forwarding";
}

std::vector<std::string> list_accept_ra_keys(Netlink& host) {
  std::set<int> routed;
  for (const Route& route : list_main_routes(host, AF_INET6, kProtocolRouterAdvertisement))
    for (const NextHop& hop : hops_of(route)) routed.insert(hop.oif);
  const std::set<int> with_subnet = list_links_with_subnet(host);
  std::vector<std::string> keys;
  for (const Link& link : list_links(host)) {
    if (!routed.contains(link.index) && !may_lead_outside(link, with_subnet)) continue;
    std::string key = "net/ipv6/conf/" + link.name + "/accept_ra";
    if (find_sysctl(key) == "1") keys.push_back(std::move(key));
  }
  return keys;
}

void enable_forwarding(Netlink& host, int family) {
  const std::string key = forwarding_key(family);
  if (find_sysctl(key) == "1") return;
  if (family == AF_INET6)
    for (const std::string& accept : list_accept_ra_keys(host)) write_sysctl(accept, "2");
  write_sysctl(key, "1");
}

}  // namespace net
