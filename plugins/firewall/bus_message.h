// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "plugins/firewall/bus.h"

/// Messages of the bus as bytes, in the byte order of this machine (D-Bus specification, "Message
/// Protocol").
namespace firewall_plugin {

/// A method call.
std::vector<std::uint8_t> bus_message(std::uint32_t serial, const BusCall& call);

struct ReceivedMessage {
  std::uint32_t answers = 0;  ///< serial of the call; 0: it is not an answer
  BusAnswer answer = {};
};

/// The size of the message that begins at the first byte of `input`; nothing while its fixed part
/// is incomplete. Throws std::system_error(EBADMSG) when it is not one, or is larger than 16 MB.
std::optional<std::size_t> bus_message_size(std::span<const std::uint8_t> input);

/// Reads one whole message. Throws std::system_error(EBADMSG) when it is malformed.
ReceivedMessage read_bus_message(std::span<const std::uint8_t> message);

}  // namespace firewall_plugin
