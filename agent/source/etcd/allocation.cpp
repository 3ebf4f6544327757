// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/allocation.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace agent::etcd {
namespace {

struct Numbers {
  std::uint64_t first, last;
};

constexpr int kMaxBits = 62;

/// The free numbers of the pool, as sorted runs.
std::vector<Numbers> free_runs(const Pool& pool, std::span<const base::Prefix> taken) {
  std::vector<Numbers> used;
  for (const base::Prefix& prefix : taken) {
    if (!prefix.overlaps(pool.network)) continue;
    if (prefix.length <= pool.network.length) return {};
    used.push_back({number_of(pool, prefix.network().address), number_of(pool, prefix.last())});
  }
  std::ranges::sort(used, {}, &Numbers::first);
  std::vector<Numbers> runs;
  std::uint64_t next = pool.first;
  for (const Numbers& run : used) {
    if (run.first > pool.last) break;
    if (run.first > next) runs.push_back({next, run.first - 1});
    next = std::max(next, run.last + 1);
  }
  if (next <= pool.last) runs.push_back({next, pool.last});
  return runs;
}

}  // namespace

Pool make_pool(const base::Prefix& network, int length) {
  const base::Prefix whole = network.network();
  const int bits = length - whole.length;
  if (bits < 0 || bits > kMaxBits || length > whole.address.bits())
    throw std::invalid_argument("ranges of length " + std::to_string(length) +
                                " cannot be cut out of network " + whole.text());
  return {.network = whole, .length = length, .first = 0, .last = (std::uint64_t{1} << bits) - 1};
}

std::uint64_t number_of(const Pool& pool, const base::IpAddress& address) {
  const auto bytes = address.bytes();
  std::uint64_t number = 0;
  for (int bit = pool.network.length; bit < pool.length; ++bit) {
    const auto octet = bytes[static_cast<std::size_t>(bit / 8)];
    number = number << 1 | (static_cast<unsigned>(octet) >> (7 - bit % 8) & 1u);
  }
  return number;
}

base::Prefix range_of(const Pool& pool, std::uint64_t number) {
  std::array<std::uint8_t, 16> bytes{};
  const auto base = pool.network.address.bytes();
  std::ranges::copy(base, bytes.begin());
  for (int bit = pool.length - 1; bit >= pool.network.length; --bit, number >>= 1) {
    auto& octet = bytes[static_cast<std::size_t>(bit / 8)];
    octet = static_cast<std::uint8_t>(octet | (number & 1) << (7 - bit % 8));
  }
  return {.address = base::IpAddress::from_bytes({bytes.data(), base.size()}).value(),
          .length = pool.length};
}

bool offers(std::span<const Pool> pools, const base::Prefix& range) {
  return std::ranges::any_of(pools, [&](const Pool& pool) {
    if (range.length != pool.length || !pool.network.contains(range.address)) return false;
    const std::uint64_t number = number_of(pool, range.address);
    return number >= pool.first && number <= pool.last;
  });
}

std::optional<base::Prefix> pick(std::span<const Pool> pools, std::span<const base::Prefix> taken,
                                 std::uint64_t random) {
  std::uint64_t count = 0;
  std::vector<std::vector<Numbers>> free;
  for (const Pool& pool : pools) {
    free.push_back(free_runs(pool, taken));
    for (const Numbers& run : free.back()) count += run.last - run.first + 1;
  }
  if (count == 0) return std::nullopt;
  std::uint64_t chosen = random % count;
  for (std::size_t i = 0; i < free.size(); ++i)
    for (const Numbers& run : free[i]) {
      const std::uint64_t size = run.last - run.first + 1;
      if (chosen < size) return range_of(pools[i], run.first + chosen);
      chosen -= size;
    }
  return std::nullopt;
}

}  // namespace agent::etcd
