// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/sysctl.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "libcni/base/sys_error.h"
#include "libcni/base/unique_fd.h"

namespace net {
namespace {

std::string path_of(const std::string& key) {
  return "/proc/sys/" + key;
}

base::UniqueFd open_for_writing(const std::string& key) noexcept {
  base::UniqueFd fd(::open(path_of(key).c_str(), O_WRONLY | O_CLOEXEC));
  if (fd || errno != EROFS) return fd;
  base::UniqueFd host(::open(("/host" + path_of(key)).c_str(), O_WRONLY | O_CLOEXEC));
  if (!host) errno = EROFS;
  return host;
}

bool write_once(const std::string& key, const std::string& value) noexcept {
  const base::UniqueFd fd = open_for_writing(key);
  return fd && ::write(fd.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size());
}

}  // namespace

std::optional<std::string> find_sysctl(const std::string& key) {
  const base::UniqueFd fd(::open(path_of(key).c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 256> buffer{};
  if (!fd) return std::nullopt;
  const ssize_t size = ::read(fd.get(), buffer.data(), buffer.size());
  if (size < 0) return std::nullopt;
  std::string value(buffer.data(), static_cast<std::size_t>(size));
  if (!value.empty() && value.back() == '\n') value.pop_back();
  return value;
}

void write_sysctl(const std::string& key, const std::string& value) {
  if (!write_once(key, value)) base::throw_errno("set sysctl " + key + " to " + value);
}

void ensure_sysctl(const std::string& key, const std::string& value) {
  if (find_sysctl(key) != value) write_sysctl(key, value);
}

void try_write_sysctl(const std::string& key, const std::string& value) noexcept {
  // The knobs written this way only tune; a kernel without them works as well.
  [[maybe_unused]] const bool written = write_once(key, value);
}

void enable_forwarding(int family) {
  ensure_sysctl(family == AF_INET ? "net/ipv4/ip_forward" : "net/ipv6/conf/all/forwarding", "1");
}

}  // namespace net
