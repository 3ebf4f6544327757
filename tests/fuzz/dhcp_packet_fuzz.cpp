// SPDX-License-Identifier: Apache-2.0
// Bytes from the network of a pod and from the daemon's socket: a packet that a server may have
// sent, and both directions of Go's net/rpc.
#include <cstdint>
#include <string>

#include "ipam/dhcp/lease.h"
#include "ipam/dhcp/packet.h"
#include "ipam/dhcp/rpc.h"
#include "libcni/spec/error.h"

namespace {

template <typename Function>
void tolerate(const Function& function) {
  try {
    function();
  } catch (const cni::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  ipam_dhcp::unwrap(bytes);
  if (const auto packet = ipam_dhcp::parse_packet(bytes)) {
    tolerate([&] { ipam_dhcp::read_lease(*packet, 1); });
    if (!ipam_dhcp::parse_packet(ipam_dhcp::print_packet(*packet))) __builtin_trap();
  }
  tolerate([&] {
    ipam_dhcp::RpcReader reader;
    reader.feed(ipam_dhcp::encode_connect() + bytes);
    reader.find_call();
  });
  tolerate([&] {
    ipam_dhcp::RpcReader reader;
    reader.feed(ipam_dhcp::encode_greeting() + bytes);
    reader.find_reply();
  });
  return 0;
}
