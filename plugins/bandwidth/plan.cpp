// SPDX-License-Identifier: Apache-2.0
#include "plugins/bandwidth/plan.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>

#include "libcni/attach/veth.h"
#include "libcni/base/names.h"

namespace bandwidth {
namespace {

constexpr std::uint64_t kBitsPerByte = 8;
constexpr double kMicroseconds = 1e6;  // in a second
constexpr double kLatency = 0.025;     // seconds
constexpr double kMost32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kLongestName = 15;
constexpr const char* kNameStart = "bwp";
constexpr const char* kMarkStart = "plumb-bandwidth:";
constexpr char kTimeSign = '@';

std::uint32_t clamped(double number) {
  return static_cast<std::uint32_t>(std::clamp(number, 0.0, kMost32));
}

/// The conversion of the reference on amd64, where a number that is too large wraps around.
std::uint32_t wrapped(double number) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(number));
}

struct Bytes {
  double rate;  ///< per second
  double burst;
};

Bytes bytes_of(const Limit& limit) {
  return {static_cast<double>(limit.rate / kBitsPerByte),
          static_cast<double>(limit.burst / kBitsPerByte)};
}

double microseconds_of(const Bytes& bytes) {
  return bytes.burst * kMicroseconds / bytes.rate;
}

std::string without_prefix(const std::string& alias) {
  return alias.substr(alias.find(':') + 1);
}

std::string name_of(const std::string& hashed) {
  return (kNameStart + base::sha512_hex(hashed)).substr(0, kLongestName);
}

}  // namespace

net::TokenBucket make_bucket(const Limit& limit, double ticks_per_us) {
  Bytes bytes = bytes_of(limit);
  // The reference counts whole microseconds. Less than one would be a bucket that holds nothing.
  double time = microseconds_of(bytes);
  if (time >= 1) time = std::floor(time);
  if (time * ticks_per_us > kMost32)
    bytes.burst = std::floor(kMost32 / ticks_per_us * bytes.rate / kMicroseconds);
  return {.rate = limit.rate / kBitsPerByte,
          .buffer = std::max(clamped(time * ticks_per_us), 1U),
          .limit = clamped(std::floor(bytes.rate * kLatency) + bytes.burst)};
}

Plan make_plan(const Conf& conf, double ticks_per_us) {
  Plan plan;
  if (conf.ingress) plan.ingress = make_bucket(*conf.ingress, ticks_per_us);
  if (conf.egress) plan.egress = make_bucket(*conf.egress, ticks_per_us);
  return plan;
}

bool is_bucket_of(const net::TokenBucket& found, const Limit& limit, double ticks_per_us) {
  const net::TokenBucket ours = make_bucket(limit, ticks_per_us);
  if (found == ours) return true;
  const Bytes bytes = bytes_of(limit);
  const std::uint32_t theirs = wrapped(wrapped(microseconds_of(bytes)) * ticks_per_us);
  return found.rate == ours.rate && (found.buffer == theirs || found.buffer == ours.buffer) &&
         found.limit == wrapped(bytes.rate * kLatency) + wrapped(bytes.burst);
}

std::array<std::string, 2> ifb_names(const firewall::Owner& owner) {
  return {name_of(owner.network + owner.container_id),
          name_of(owner.network + owner.container_id + "/" + owner.ifname)};
}

bool is_ifb_name(const std::string& name) {
  return name.size() == kLongestName && name.starts_with(kNameStart) &&
         name.find_first_not_of("0123456789abcdef", std::string(kNameStart).size()) ==
             std::string::npos;
}

std::uint32_t group_of(const firewall::Owner& owner) {
  constexpr std::uint32_t kMarks = 0x10000000;  // GC and host ends have larger ones
  const std::string hash = base::sha512_hex(attach::alias_of(owner)).substr(0, 8);
  return kMarks | static_cast<std::uint32_t>(std::stoul(hash, nullptr, 16) % kMarks);
}

std::string mark_of(const firewall::Owner& owner, base::BootTime time) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
  return kMarkStart + without_prefix(attach::alias_of(owner)) + kTimeSign + std::to_string(us);
}

bool is_mark(const std::string& alias) {
  return alias.starts_with(kMarkStart);
}

std::string identity_of(const std::string& mark) {
  return mark.substr(0, mark.rfind(kTimeSign));
}

std::string mark_prefix(const std::string& network) {
  return kMarkStart + without_prefix(attach::alias_prefix(network));
}

std::optional<base::BootTime> find_time(const std::string& mark) {
  const auto sign = mark.rfind(kTimeSign);
  if (sign == std::string::npos) return std::nullopt;
  std::int64_t us = 0;
  const char* end = mark.data() + mark.size();
  const auto read = std::from_chars(mark.data() + sign + 1, end, us);
  if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return std::chrono::microseconds(us);
}

}  // namespace bandwidth
