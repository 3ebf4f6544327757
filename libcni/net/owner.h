// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace net {

/// The attachment that a link, rule or map element belongs to.
struct Owner {
  std::string network;
  std::string container_id;
  std::string ifname;
  bool operator==(const Owner&) const = default;
};

}  // namespace net
