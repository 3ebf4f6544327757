// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/node.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "libcni/base/names.h"

namespace fabric {
namespace {

struct Word {
  std::string_view text;
  Backend backend;
};
constexpr std::array kWords{Word{"auto", Backend::automatic}, Word{"vxlan", Backend::vxlan},
                            Word{"host-gw", Backend::host_gw}, Word{"bgp", Backend::bgp}};

base::Mac hashed_mac(const std::string& text) {
  base::Mac mac{{0x06}};
  const std::string hex = base::sha512_hex(text);
  for (std::size_t i = 1; i < mac.bytes.size(); ++i)
    mac.bytes[i] = static_cast<std::uint8_t>(std::stoi(hex.substr(2 * (i - 1), 2), nullptr, 16));
  return mac;
}

}  // namespace

std::optional<Backend> find_backend(std::string_view word) {
  const auto found = std::ranges::find(kWords, word, &Word::text);
  if (found == kWords.end()) return std::nullopt;
  return found->backend;
}

std::string_view word_of(Backend backend) {
  return std::ranges::find(kWords, backend, &Word::backend)->text;
}

std::optional<base::IpAddress> Node::address_of(int family) const {
  const auto found = std::ranges::find(addresses, family, &base::IpAddress::family);
  if (found == addresses.end()) return std::nullopt;
  return *found;
}

base::Mac vtep_mac(const base::IpAddress& address) {
  if (address.is_v4()) {
    const auto octets = address.bytes();
    return {{0x02, 0x76, octets[0], octets[1], octets[2], octets[3]}};
  }
  return hashed_mac(address.text());
}

base::Mac vtep_mac(const std::string& name, const base::IpAddress& address) {
  return hashed_mac(name + "/" + address.text());
}

}  // namespace fabric
