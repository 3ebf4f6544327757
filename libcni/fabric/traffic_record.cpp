// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/traffic_record.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <span>
#include <vector>

#include "libcni/base/names.h"
#include "libcni/fabric/traffic_rules.h"
#include "libcni/firewall/owner.h"

namespace fabric {
namespace {

void append(std::string& text, const base::IpAddress& address) {
  const auto bytes = address.bytes();
  text += static_cast<char>(bytes.size());
  text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void append(std::string& text, const base::Prefix& prefix) {
  append(text, prefix.address);
  text += static_cast<char>(prefix.length);
}

void append(std::string& text, const TunnelSource& source) {
  append(text, source.sender);
  append(text, source.inner);
}

template <typename Each>
void append(std::string& text, const std::vector<Each>& list) {
  text += std::to_string(list.size()) + ":";
  for (const Each& each : list) append(text, each);
}

/// Everything that the comparison depends on, also the version of this program, whose layout the
/// rules have.
std::string describe(const std::optional<Traffic>& wanted) {
  if (!wanted) return "none";
  std::string text = print_rules(wanted_rules(*wanted, shapes_of(*wanted))) + "\n";
  append(text, wanted->own_ranges);
  append(text, wanted->cluster_ranges);
  append(text, wanted->no_masquerade);
  append(text, wanted->vteps);
  append(text, wanted->tunnel_sources);
  append(text, wanted->speakers);
  return text;
}

base::UniqueFd open_on_tmpfs(const std::string& path) {
  base::UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  struct statfs system {};
  if (!file || ::fstatfs(file.get(), &system) < 0 || system.f_type != TMPFS_MAGIC) return {};
  return file;
}

}  // namespace

TrafficRecord::TrafficRecord(nft::Nft& nft, const std::string& folder, const std::string& scope,
                             const std::optional<Traffic>& wanted) {
  const auto cookie = nft.namespace_cookie();
  if (!cookie) return;
  file_ = open_on_tmpfs(folder + "/traffic." + firewall::network_hash(scope));
  if (!file_) return;
  seal_ = base::sha512_hex(std::to_string(*cookie) + " " + std::to_string(nft.generation()) + " " +
                           describe(wanted));
}

bool TrafficRecord::holds() const {
  std::string present(seal_.size(), '\0');
  return file_ &&
         ::pread(file_.get(), present.data(), present.size(), 0) ==
             static_cast<ssize_t>(seal_.size()) &&
         present == seal_;
}

void TrafficRecord::keep() const noexcept {
  if (!file_) return;
  // If this fails, the next comparison reads the table.
  [[maybe_unused]] const ssize_t written = ::pwrite(file_.get(), seal_.data(), seal_.size(), 0);
}

}  // namespace fabric
