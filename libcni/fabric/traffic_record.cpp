// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/traffic_record.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cinttypes>
#include <cstdio>
#include <span>
#include <vector>

#include "libcni/base/failures.h"
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

base::UniqueFd open_on_tmpfs(const std::string& path, int flags = 0) {
  base::UniqueFd file(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0600));
  struct statfs system {};
  if (!file || ::fstatfs(file.get(), &system) < 0 || system.f_type != TMPFS_MAGIC) return {};
  return file;
}

std::string path_of(const std::string& folder, const std::string& scope) {
  return folder + "/traffic." + firewall::network_hash(scope);
}

/// The end of a record, always of the same size.
std::string moment(std::uint64_t cookie, std::uint32_t generation) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%020" PRIu64 " %010" PRIu32, cookie, generation);
  return text.data();
}

}  // namespace

TrafficRecord::TrafficRecord(nft::Nft& nft, const std::string& folder, const std::string& scope,
                             const std::optional<Traffic>& wanted) {
  const auto cookie = nft.namespace_cookie();
  if (!cookie) return;
  file_ = open_on_tmpfs(path_of(folder, scope), O_CREAT);
  if (!file_) return;
  seal_ = base::sha512_hex(describe(wanted)) + moment(*cookie, nft.generation());
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

OwnTransactions::OwnTransactions(const std::string& folder, const std::string& scope)
    : path_(path_of(folder, scope)),
      generation_(nft_.generation()),
      commits_(nft::Nft::commits()) {}

void OwnTransactions::keep_record() noexcept {
  base::Failures ignored;
  ignored.attempt([&] { renew(); });
}

void OwnTransactions::renew() {
  const auto cookie = nft_.namespace_cookie();
  const std::uint32_t made = nft::Nft::commits() - commits_;
  if (made == 0 || !cookie || nft_.generation() != generation_ + made) return;
  const base::UniqueFd file = open_on_tmpfs(path_);
  const std::string before = moment(*cookie, generation_);
  const off_t offset = static_cast<off_t>(base::sha512_hex("").size());
  std::string present(before.size(), '\0');
  if (!file || ::pread(file.get(), present.data(), present.size(), offset) !=
                   static_cast<ssize_t>(present.size()))
    return;
  if (present != before) return;
  const std::string now = moment(*cookie, generation_ + made);
  [[maybe_unused]] const ssize_t written = ::pwrite(file.get(), now.data(), now.size(), offset);
}

}  // namespace fabric
