// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "tests/support/host/test_host.h"

namespace test {

/// A host with a bridge (10.22.0.1/24, fd00:22::1/64), two pods on it and a machine outside
/// (192.0.2.2/24, 2001:db8::2/64; the host is .1 and ::1), for tests that send real packets. Pods
/// have a default route; the machine outside has no route to their subnet.
class PacketWorld {
 public:
  PacketWorld();

  static constexpr const char* kPod = "10.22.0.5";
  static constexpr const char* kNeighbour = "10.22.0.6";
  static constexpr const char* kOutside = "192.0.2.2";
  static constexpr const char* kHost = "192.0.2.1";
  static constexpr const char* kPod6 = "fd00:22::5";
  static constexpr const char* kNeighbour6 = "fd00:22::6";
  static constexpr const char* kOutside6 = "2001:db8::2";
  static constexpr const char* kHost6 = "2001:db8::1";

  TestHost host;
  TestHost::Sandbox pod;
  TestHost::Sandbox neighbour;
  TestHost::Sandbox outside;

  struct Target {
    std::string address;
    std::uint16_t port;
  };
  /// Listens in `server` on `port`, sends from `client` (null: the host) to `target`. Returns the
  /// source address that the server saw, or "nothing" when nothing arrived.
  std::string tcp(const TestHost::Sandbox& server, std::uint16_t port,
                  const TestHost::Sandbox* client, const Target& target) const;
  std::string udp(const TestHost::Sandbox& server, std::uint16_t port,
                  const TestHost::Sandbox* client, const Target& target) const;
};

}  // namespace test
