// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "libcni/plugin/plugin.h"

namespace bandwidth {

/// The limit of one direction.
struct Limit {
  std::uint64_t rate = 0;   ///< bits per second, at least 8
  std::uint64_t burst = 0;  ///< bits, at least 8; a byte count of it fits into 32 bits
  bool operator==(const Limit&) const = default;
};

/// The directions are the pod's.
struct Conf {
  std::optional<Limit> ingress = {};
  std::optional<Limit> egress = {};
  bool operator==(const Conf&) const = default;
};

/// Every key that README.md documents.
inline constexpr std::string_view kKeys =
    "ingressRate:uint ingressBurst:uint egressRate:uint egressBurst:uint";

/// Reads the four keys at the top, or, where all of them are absent, in runtimeConfig.bandwidth.
/// Throws cni::Error(6) for a wrong type and (7) for a wrong value, naming the key.
Conf parse_conf(const cni::Request& request);

}  // namespace bandwidth
