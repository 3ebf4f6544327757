// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <span>
#include <string>

#include <libmnl/libmnl.h>

namespace net {

inline std::uint16_t type_of(const nlattr& a) {
  return mnl_attr_get_type(&a);
}
inline std::span<const std::uint8_t> bytes_of(const nlattr& a) {
  return {static_cast<const std::uint8_t*>(mnl_attr_get_payload(&a)), mnl_attr_get_payload_len(&a)};
}
inline std::uint32_t u32_of(const nlattr& a) {
  return bytes_of(a).size() >= 4 ? mnl_attr_get_u32(&a) : 0;
}
inline std::uint8_t u8_of(const nlattr& a) {
  return bytes_of(a).empty() ? 0 : bytes_of(a)[0];
}
inline std::string text_of(const nlattr& a) {
  const auto bytes = bytes_of(a);
  std::string text(bytes.begin(), bytes.end());
  return text.substr(0, text.find('\0'));
}

/// Calls `visit` for each attribute between `first` and `end`.
/// libmnl's own mnl_attr_for_each() is C only (it converts from void*).
template <typename Visit>
void for_each_attribute(const void* first, const void* end, Visit visit) {
  const auto* stop = static_cast<const char*>(end);
  for (const auto* a = static_cast<const nlattr*>(first);
       mnl_attr_ok(a, static_cast<int>(stop - reinterpret_cast<const char*>(a)));
       a = mnl_attr_next(a))
    visit(*a);
}

/// The attributes of `message` after its family header.
template <typename Header, typename Visit>
void for_each_attribute(const nlmsghdr& message, Visit visit) {
  if (mnl_nlmsg_get_payload_len(&message) < sizeof(Header)) return;
  for_each_attribute(mnl_nlmsg_get_payload_offset(&message, sizeof(Header)),
                     mnl_nlmsg_get_payload_tail(&message), visit);
}

template <typename Visit>
void for_each_nested(const nlattr& a, Visit visit) {
  const auto bytes = bytes_of(a);
  for_each_attribute(bytes.data(), bytes.data() + bytes.size(), visit);
}

/// The family header of `message`, which must be long enough: callers check with
/// for_each_attribute.
template <typename Header>
const Header* header_of(const nlmsghdr& message) {
  return mnl_nlmsg_get_payload_len(&message) < sizeof(Header)
             ? nullptr
             : static_cast<const Header*>(mnl_nlmsg_get_payload(&message));
}

}  // namespace net
