// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/bird/peers.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agent::bird {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// As BIRD 2.0.12 prints it, shortened.
constexpr const char* kAnswer = R"(2002 Name       Proto      Table      State  Since         Info
1002 device1    Device     ---        up     2026-11-21 12:00:12  
1006 
1002 own4       Static     master4    up     2026-11-21 12:00:12  
1006   Channel ipv4
1006     Routes:         1 imported, 0 exported, 1 preferred
1002 clients1   BGP        ---        start  2026-11-21 12:00:12  Passive       
1006   BGP state:          Passive
1006     Neighbor range:   192.0.2.0/24
1006     Neighbor AS:      64512
1002 node.n2.v6 BGP        ---        up     2026-11-21 12:39:56  Established   
1006   BGP state:          Established
1006     Neighbor address: fd00:a::2
1006     Neighbor AS:      64512
1006     Local AS:         64512
1006     Neighbor ID:      192.0.2.2
1006     Session:          internal AS4
1006   Channel ipv4
1006     State:          UP
1006     Routes:         2 imported, 1 filtered, 1 exported, 2 preferred
1006   Channel ipv6
1006     State:          UP
1006     Routes:         3 imported, 1 exported, 3 preferred
1002 peer.tor.v4 BGP        ---        start  2026-11-21 12:00:18  Active        Socket: Connection refused
1006   BGP state:          Active
1006     Neighbor address: 192.0.2.254
1006     Neighbor AS:      65000
1006     Last error:       Socket: Connection refused
0000 
)";

Reply answer(const std::string& text) {
  Reply reply;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    reply.lines.push_back({std::stoi(line.substr(0, 4)), line.substr(5)});
  return reply;
}

TEST(BirdPeers, AreSessionsWithAnAddressAndSumTheirFamilies) {
  const PeerStatus node{.session = "node.n2.v6",
                        .peer = "fd00:a::2",
                        .address = *base::IpAddress::parse("fd00:a::2"),
                        .as_number = 64512,
                        .state = "Established",
                        .since = "2026-11-21 12:39:56",
                        .imported = 5,
                        .exported = 2};
  const PeerStatus tor{.session = "peer.tor.v4",
                       .peer = "192.0.2.254",
                       .address = *base::IpAddress::parse("192.0.2.254"),
                       .as_number = 65000,
                       .state = "Active",
                       .since = "2026-11-21 12:00:18",
                       .error = "Socket: Connection refused"};
  EXPECT_THAT(parse_protocols(answer(kAnswer)), ElementsAre(node, tor));
  EXPECT_TRUE(node.up());
  EXPECT_FALSE(tor.up());
}

TEST(BirdPeers, AreTheSameWithoutUnneededLines) {
  Reply reply = answer(kAnswer);
  const auto peers = parse_protocols(reply);
  EXPECT_EQ(
      std::erase_if(reply.lines, [](const Reply::Line& line) { return !describes_peer(line); }),
      12u);
  EXPECT_EQ(parse_protocols(reply), peers);
}

TEST(BirdPeers, AreEmptyForAnIncompleteOrForeignAnswer) {
  EXPECT_THAT(parse_protocols({}), IsEmpty());
  EXPECT_THAT(parse_protocols(answer("8002 no such command\n")), IsEmpty());
  EXPECT_THAT(parse_protocols(answer("1002 x BGP\n1006 \n1006 :\n1006 Routes:\n")), IsEmpty());
}

}  // namespace
}  // namespace agent::bird
