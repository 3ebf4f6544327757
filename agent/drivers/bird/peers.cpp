// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/bird/peers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>
#include <string_view>

namespace agent::bird {
namespace {

constexpr int kProtocolLine = 1002;
constexpr int kDetailLine = 1006;

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// `name proto table state date time info...`
PeerStatus read_header(const std::string& line, bool& is_bgp) {
  std::istringstream words(line);
  PeerStatus peer;
  std::string protocol, table, state, date, time;
  words >> peer.session >> protocol >> table >> state >> date >> time >> peer.state;
  is_bgp = protocol == "BGP";
  peer.since = date + " " + time;
  return peer;
}

/// `Routes: 1 imported, 0 exported, 1 preferred`, with other counts between in some states.
void add_counts(PeerStatus& peer, const std::string& counts) {
  std::istringstream words(counts);
  for (std::string value, word; words >> value >> word;) {
    if (word.starts_with("imported")) peer.imported += number(value);
    if (word.starts_with("exported")) peer.exported += number(value);
  }
}

void set_address(PeerStatus& peer, const std::string& value) {
  peer.address = base::IpAddress::parse(value.substr(0, value.find('%'))).value_or(peer.address);
}

struct Detail {
  std::string_view key;
  void (*add)(PeerStatus& peer, const std::string& value);
};
constexpr std::array kDetails{
    Detail{"BGP state", [](PeerStatus& peer, const std::string& value) { peer.state = value; }},
    Detail{"Neighbor address", set_address},
    Detail{"Neighbor AS",
           [](PeerStatus& peer, const std::string& value) {
             peer.as_number = static_cast<std::uint32_t>(number(value));
           }},
    Detail{"Last error", [](PeerStatus& peer, const std::string& value) { peer.error = value; }},
    Detail{"Routes", add_counts}};

/// `  key: value`; nothing for another line.
const Detail* find_detail(std::string_view line) {
  const std::size_t colon = line.find(':');
  const std::size_t start = line.find_first_not_of(' ');
  if (colon == std::string_view::npos || start > colon) return nullptr;
  const std::string_view key = line.substr(start, colon - start);
  const auto* found = std::ranges::find(kDetails, key, &Detail::key);
  return found == kDetails.end() ? nullptr : found;
}

void add_detail(PeerStatus& peer, const std::string& line) {
  const Detail* detail = find_detail(line);
  if (detail == nullptr) return;
  const std::size_t from = line.find_first_not_of(' ', line.find(':') + 1);
  detail->add(peer, from == std::string::npos ? "" : line.substr(from));
}

}  // namespace

bool describes_peer(const Reply::Line& line) {
  return line.code == kProtocolLine ||
         (line.code == kDetailLine && find_detail(line.text) != nullptr);
}

std::vector<PeerStatus> parse_protocols(const Reply& reply) {
  std::vector<PeerStatus> peers;
  bool is_bgp = false;
  for (const Reply::Line& line : reply.lines) {
    if (line.code == kProtocolLine) {
      const PeerStatus peer = read_header(line.text, is_bgp);
      if (is_bgp) peers.push_back(peer);
    } else if (line.code == kDetailLine && is_bgp) {
      add_detail(peers.back(), line.text);
    }
  }
  std::erase_if(peers, [](const PeerStatus& peer) { return peer.address.is_unspecified(); });
  for (PeerStatus& peer : peers) peer.peer = peer.address.text();
  return peers;
}

}  // namespace agent::bird
