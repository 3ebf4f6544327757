// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "agent/policy/objects.h"

namespace agent::policy {

/// Adds a Kubernetes object to `objects`: a NetworkPolicy of networking.k8s.io/v1, a Pod or a
/// Namespace of v1, or a List of these. Other kinds are left out. A part that is not understood
/// never opens what the rest closes: it matches nothing, and a problem names it with `where`, such
/// as the file of the object.
void add_object(Objects& objects, const nlohmann::json& object, const std::string& where);

/// The label selector of a policy or peer; adds what is not understood to `problems`.
Selector read_selector(const nlohmann::json& value, const std::string& where,
                       std::vector<std::string>& problems);

NetworkPolicy read_network_policy(const nlohmann::json& object, const std::string& where,
                                  std::vector<std::string>& problems);

/// The number of TCP, UDP or SCTP; nothing for another word.
std::optional<std::uint8_t> find_protocol(const std::string& word);
/// `tcp`, `udp`, `sctp`.
std::string protocol_text(std::uint8_t protocol);

/// An address that is not an IPv4-mapped IPv6 one.
std::optional<base::IpAddress> find_plain_address(const std::string& text);

/// The member `key`, or null where `object` is not an object or does not have it.
const nlohmann::json& member(const nlohmann::json& object, const char* key);
/// The beginning of `value`'s text, for a problem.
std::string shown(const nlohmann::json& value);
/// The member's text; empty where it is not text.
std::string text_member(const nlohmann::json& object, const char* key);

}  // namespace agent::policy
