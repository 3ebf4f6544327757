// SPDX-License-Identifier: Apache-2.0
#include "ipam/dhcp/give_back.h"

#include "ipam/dhcp/pod_link.h"
#include "libcni/base/log.h"
#include "libcni/base/random.h"

namespace ipam_dhcp {

void give_back(const SavedLease& saved, const std::string& key) noexcept {
  try {
    const auto server = saved.ack.find_address(option::kServerId);
    if (!server) return;
    const Conf conf = parse_conf(
        json::Object::parse(saved.call.stdin_text, "network configuration"), saved.call.args);
    Packet packet{
        .xid = static_cast<std::uint32_t>(base::random_seed()),
        .client = saved.ack.yours,
        .mac = saved.mac,
        .options = {{option::kMessageType, std::string(1, static_cast<char>(MessageType::release))},
                    {option::kServerId, address_bytes(*server)}}};
    const auto provided = conf.provide.find(option::kClientId);
    packet.options[option::kClientId] =
        provided == conf.provide.end() ? std::string(1, '\0') + key : provided->second;
    PodLink link(saved.call.netns, saved.call.ifname);
    if (link.mac() == saved.mac) link.unicast(packet, *server);
  } catch (const std::exception& error) {
    base::log(key + ": the lease was not given back to the DHCP server: " + error.what());
  }
}

}  // namespace ipam_dhcp
