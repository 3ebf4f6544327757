// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "plugins/firewall/bus_message.h"

namespace firewall_plugin {

using Bytes = std::vector<std::uint8_t>;

inline void append(Bytes& bytes, std::uint32_t value) {
  bytes.resize((bytes.size() + 3) / 4 * 4 + 4);
  std::memcpy(bytes.data() + bytes.size() - 4, &value, 4);
}
inline void append(Bytes& bytes, const std::string& text) {
  append(bytes, static_cast<std::uint32_t>(text.size()));
  bytes.insert(bytes.end(), text.begin(), text.end());
  bytes.push_back(0);
}
inline void append_field(Bytes& bytes, std::uint8_t code, char type) {
  bytes.resize((bytes.size() + 7) / 8 * 8);
  bytes.insert(bytes.end(), {code, 1, static_cast<std::uint8_t>(type), 0});
}

/// An answer to call `serial`: a result, or an error where `error` is not empty.
inline Bytes answer_of(const std::string& signature, const Bytes& body,
                       const std::string& error = "", std::uint32_t serial = 7) {
  Bytes message{bus_message(1, {}).front(), static_cast<std::uint8_t>(error.empty() ? 2 : 3), 0, 1};
  append(message, static_cast<std::uint32_t>(body.size()));
  append(message, 99);
  append(message, 0);
  append_field(message, 5, 'u');
  append(message, serial);
  if (!error.empty()) {
    append_field(message, 4, 's');
    append(message, error);
  }
  append_field(message, 8, 'g');
  message.push_back(static_cast<std::uint8_t>(signature.size()));
  message.insert(message.end(), signature.begin(), signature.end());
  message.push_back(0);
  const auto fields = static_cast<std::uint32_t>(message.size() - 16);
  std::memcpy(message.data() + 12, &fields, 4);
  message.resize((message.size() + 7) / 8 * 8);
  message.insert(message.end(), body.begin(), body.end());
  return message;
}

}  // namespace firewall_plugin
