// SPDX-License-Identifier: Apache-2.0
#include "plugins/bandwidth/conf.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

namespace bandwidth {
namespace {

constexpr std::uint64_t kBitsPerByte = 8;
constexpr std::uint64_t kMostBurstBytes = std::numeric_limits<std::uint32_t>::max();

struct Keys {
  const char* rate;
  const char* burst;
};
constexpr Keys kIngress{"ingressRate", "ingressBurst"};
constexpr Keys kEgress{"egressRate", "egressBurst"};

[[noreturn]] void refuse(const std::string& message, const std::string& details) {
  throw cni::Error(cni::Code::invalid_config, message, details);
}

std::optional<Limit> parse_limit(const json::Object& config, const Keys& keys) {
  const Limit limit{config.find_uint(keys.rate).value_or(0),
                    config.find_uint(keys.burst).value_or(0)};
  if (limit.rate == 0 && limit.burst == 0) return std::nullopt;
  const std::string rate = config.path_of(keys.rate);
  const std::string burst = config.path_of(keys.burst);
  if (limit.burst == 0) refuse("if rate is set, burst must also be set", "set " + burst);
  if (limit.rate == 0) refuse("if burst is set, rate must also be set", "set " + rate);
  if (limit.burst / kBitsPerByte >= kMostBurstBytes)
    refuse("burst cannot be more than 4GB", burst + " counts bits");
  if (limit.rate < kBitsPerByte) config.refuse(keys.rate, "at least 8 bits per second");
  if (limit.burst < kBitsPerByte) config.refuse(keys.burst, "at least 8 bits");
  return limit;
}

bool has_limits(const json::Object& config) {
  constexpr std::array kAll{kIngress.rate, kIngress.burst, kEgress.rate, kEgress.burst};
  return std::ranges::any_of(kAll, [&](const char* key) { return config.has(key); });
}

}  // namespace

Conf parse_conf(const cni::Request& request) {
  const json::Object limits =
      has_limits(request.config)
          ? request.config
          : request.config.get_object("runtimeConfig").get_object("bandwidth");
  return {.ingress = parse_limit(limits, kIngress), .egress = parse_limit(limits, kEgress)};
}

}  // namespace bandwidth
