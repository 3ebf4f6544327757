// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "libcni/base/mac.h"
#include "libcni/net/batch.h"
#include "libcni/net/netlink.h"

namespace net {

/// Properties of a link that can be set on a living one; unset ones stay as they are.
struct LinkSettings {
  std::optional<base::Mac> mac = {};
  std::optional<bool> promisc = {};  ///< IFF_PROMISC: set by hand, not by a capture
  std::optional<int> mtu = {};       ///< bytes
  std::optional<bool> allmulti = {};
  std::optional<std::uint32_t> tx_queue_length = {};  ///< packets
  bool empty() const { return *this == LinkSettings{}; }
  bool operator==(const LinkSettings&) const = default;
};

/// A link as the kernel reports it: all settings are given, `mac` if it has 48 bits.
struct LinkState {
  int index = 0;
  LinkSettings settings = {};
};

/// Nothing when the link does not exist.
std::optional<LinkState> find_link_settings(Netlink& netlink, const std::string& name);

/// Changes what is given, each by a request of its own, so that a refusal names it.
void put_settings(Batch& batch, int index, const LinkSettings& settings,
                  Batch::Tolerates tolerates = nullptr);

}  // namespace net
