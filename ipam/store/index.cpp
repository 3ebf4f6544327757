// SPDX-License-Identifier: Apache-2.0
#include "ipam/store/index.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace ipam {
namespace {

constexpr std::array<char, 8> kMagic{'p', 'l', 'u', 'm', 'b', 'i', 'x', '2'};
constexpr std::uint64_t kRecent = 1;
constexpr std::uint32_t kLeastCapacity = 256;
constexpr std::uint32_t kMostCapacity = 1u << 20;  // 40 MiB, which load() reads at once

std::array<std::uint8_t, 16> mapped(const base::IpAddress& address) {
  std::array<std::uint8_t, 16> bytes{};
  if (address.is_v4()) bytes[10] = bytes[11] = 0xff;
  std::ranges::copy(address.bytes(), bytes.end() - static_cast<long>(address.bytes().size()));
  return bytes;
}

bool write_at(int fd, std::size_t offset, const void* data, std::size_t size) {
  return ::pwrite(fd, data, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

}  // namespace

std::uint64_t hash_owner(std::string_view owner) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : owner) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash & ~kRecent;
}

std::optional<Index> Index::find(int data_dir, const std::string& name, const Stamp& stamp) {
  Index index;
  index.file_ = base::UniqueFd(
      ::openat(data_dir, name.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!index.file_) return std::nullopt;
  index.header_ = index.get<Header>(0);
  const std::uint32_t capacity = index.header_.capacity;
  const bool sane = !index.damaged_ && index.header_.magic == kMagic &&
                    std::has_single_bit(capacity) && capacity <= kMostCapacity &&
                    index.header_.used <= capacity && index.header_.free <= index.header_.used &&
                    index.header_.stamp == stamp;
  return sane ? std::optional(std::move(index)) : std::nullopt;
}

Index Index::sized_for(std::size_t records) {
  Index index;
  index.header_.magic = kMagic;
  const auto wanted = std::min<std::size_t>(records + records / 4, kMostCapacity);
  index.header_.capacity =
      std::bit_ceil(std::max(kLeastCapacity, static_cast<std::uint32_t>(wanted)));
  index.image_.resize(index.size());
  return index;
}

std::size_t Index::size() const {
  return entry_at(header_.capacity + 1);
}

std::size_t Index::entry_at(std::uint32_t number) const {
  return sizeof(Header) + 2 * sizeof(std::uint32_t) * header_.capacity +
         (number - 1) * sizeof(Entry);
}

std::size_t Index::next_at(std::uint32_t number, Chain chain) const {
  return entry_at(number) + offsetof(Entry, next) + chain * sizeof(std::uint32_t);
}

/// The place of the number of the chain's first entry.
std::size_t Index::bucket(Chain chain, const Entry& entry) const {
  std::uint64_t hash = (entry.owner >> 1) ^ (entry.owner >> 32);
  if (chain == kByAddress) {
    // Neighbouring addresses get neighbouring buckets, so that a walk along a range reads the table
    // in order.
    std::uint64_t high = 0;
    std::uint32_t low = 0;
    std::memcpy(&high, entry.address.data(), sizeof(high));
    std::memcpy(&low, entry.address.data() + 12, sizeof(low));
    hash = (high * 0x9e3779b97f4a7c15 >> 32) + __builtin_bswap32(low);
  }
  return sizeof(Header) +
         (chain * header_.capacity + (hash & (header_.capacity - 1))) * sizeof(std::uint32_t);
}

template <typename T>
T Index::get(std::size_t offset) {
  T value{};
  if (!image_.empty() && offset + sizeof(T) > image_.size()) {
    damaged_ = true;  // a number that points nowhere
  } else if (!image_.empty()) {
    std::memcpy(&value, image_.data() + offset, sizeof(T));
  } else if (::pread(file_.get(), &value, sizeof(T), static_cast<off_t>(offset)) != sizeof(T)) {
    damaged_ = true;
    return {};
  }
  return value;
}

template <typename T>
void Index::put(std::size_t offset, const T& value) {
  if (!image_.empty() && offset + sizeof(T) > image_.size()) {
    damaged_ = true;
    return;
  }
  if (!image_.empty()) std::memcpy(image_.data() + offset, &value, sizeof(T));
  if (file_ && !write_at(file_.get(), offset, &value, sizeof(T))) damaged_ = true;
}

/// Calls `visit` with the place of each entry's number, the number and the entry.
template <typename Visit>
void Index::walk(Chain chain, const Entry& like, const Visit& visit) {
  std::size_t link = bucket(chain, like);
  auto number = get<std::uint32_t>(link);
  for (std::uint32_t steps = 0; steps <= header_.used; ++steps) {
    if (number == 0) return;
    if (number > header_.used) break;
    const auto entry = get<Entry>(entry_at(number));
    if (visit(link, number, entry)) return;
    link = next_at(number, chain);
    number = entry.next[chain];
  }
  damaged_ = true;
}

std::vector<base::IpAddress> Index::find_owner(std::uint64_t owner) {
  std::vector<base::IpAddress> found;
  walk(kByOwner, {.owner = owner}, [&](std::size_t, std::uint32_t, const Entry& entry) {
    if ((entry.owner & ~kRecent) == owner)
      found.push_back(*base::IpAddress::from_bytes(entry.address));
    return false;
  });
  return found;
}

bool Index::contains(const base::IpAddress& address) {
  const Entry wanted{.address = mapped(address)};
  bool found = false;
  walk(kByAddress, wanted, [&](std::size_t, std::uint32_t, const Entry& entry) {
    return found = entry.address == wanted.address;
  });
  return found;
}

bool Index::is_recent(const base::IpAddress& address) {
  const Entry wanted{.address = mapped(address)};
  bool recent = false;
  walk(kByAddress, wanted, [&](std::size_t, std::uint32_t, const Entry& entry) {
    recent = entry.address == wanted.address && (entry.owner & kRecent) != 0;
    return entry.address == wanted.address;
  });
  return recent;
}

std::uint32_t Index::take_entry() {
  const std::uint32_t number = header_.free;
  if (number == 0 && header_.used < header_.capacity) return ++header_.used;
  if (number == 0 || number > header_.used) {
    damaged_ = true;  // full: the next scan makes a larger one
    return 0;
  }
  header_.free = get<Entry>(entry_at(number)).next[kByOwner];
  return number;
}

void Index::insert(const Record& record) {
  const std::uint32_t number = take_entry();
  if (damaged_) return;
  Entry entry{.address = mapped(record.address),
              .owner = record.owner | (record.recent ? kRecent : 0)};
  for (const Chain chain : {kByAddress, kByOwner}) {
    entry.next[chain] = get<std::uint32_t>(bucket(chain, entry));
    put(bucket(chain, entry), number);
  }
  put(entry_at(number), entry);
}

void Index::unlink(Chain chain, const Entry& entry, std::uint32_t number) {
  walk(chain, entry, [&](std::size_t link, std::uint32_t at, const Entry& there) {
    if (at == number) put(link, there.next[chain]);
    return at == number;
  });
}

void Index::erase(const base::IpAddress& address) {
  Entry entry{.address = mapped(address)};
  std::uint32_t number = 0;
  walk(kByAddress, entry, [&](std::size_t, std::uint32_t at, const Entry& there) {
    if (there.address != entry.address) return false;
    number = at;
    entry = there;
    return true;
  });
  if (number == 0 || damaged_) return;
  unlink(kByAddress, entry, number);
  unlink(kByOwner, entry, number);
  put(entry_at(number), Entry{.next = {0, header_.free}});
  header_.free = number;
}

void Index::load() {
  if (!image_.empty()) return;
  std::vector<std::byte> image(size());
  const ssize_t got = ::pread(file_.get(), image.data(), image.size(), 0);
  if (got != static_cast<ssize_t>(image.size()))
    damaged_ = true;
  else
    image_ = std::move(image);
}

bool Index::save(int data_dir, const std::string& name, const Stamp& stamp) {
  if (damaged_) return false;
  header_.stamp = stamp;
  if (file_) return write_at(file_.get(), 0, &header_, sizeof(header_));
  constexpr int kCreating = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  ::unlinkat(data_dir, name.c_str(), 0);
  file_ = base::UniqueFd(::openat(data_dir, name.c_str(), kCreating, 0600));
  if (!file_) return false;
  std::memcpy(image_.data(), &header_, sizeof(header_));
  if (write_at(file_.get(), 0, image_.data(), image_.size())) return true;
  ::unlinkat(data_dir, name.c_str(), 0);
  return false;
}

}  // namespace ipam
