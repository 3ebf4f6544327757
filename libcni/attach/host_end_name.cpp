// SPDX-License-Identifier: Apache-2.0
#include "libcni/attach/host_end_name.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <optional>

namespace attach {
namespace {

constexpr std::string_view kPrefix = "veth";
constexpr std::size_t kDigits = 8;
constexpr base::BootTime kUnit = std::chrono::microseconds(100);
constexpr std::uint32_t kMostAhead = 16;  // more names than any ADD tries

std::uint32_t units_of(base::BootTime time) {
  return static_cast<std::uint32_t>(time / kUnit);
}

std::optional<std::uint32_t> parse(std::string_view name) {
  if (!name.starts_with(kPrefix) || name.size() != kPrefix.size() + kDigits) return std::nullopt;
  std::uint32_t units = 0;
  const char* end = name.data() + name.size();
  const auto read = std::from_chars(name.data() + kPrefix.size(), end, units, 16);
  if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return units;
}

}  // namespace

std::string make_host_end_name() {
  static std::optional<std::uint32_t> last;
  std::uint32_t units = units_of(base::boot_time());
  if (last && static_cast<std::int32_t>(units - *last) <= 0) units = *last + 1;
  last = units;
  std::array<char, kPrefix.size() + kDigits + 1> name{};
  std::snprintf(name.data(), name.size(), "%s%08x", kPrefix.data(), units);
  return name.data();
}

bool is_made_since(const std::string& name, base::BootTime moment) {
  const auto units = parse(name);
  if (!units) return false;
  // Ahead of now, because make_host_end_name() may have counted on. All arithmetic is modulo 2^32.
  const std::uint32_t now = units_of(base::boot_time()) + kMostAhead;
  return now - *units <= now - units_of(moment);
}

}  // namespace attach
