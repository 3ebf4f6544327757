// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "agent/drivers/bird/configuration.h"

namespace agent::bird {

/// Routes of one family that one session may bring; a session that brings more stays up, and the
/// rest is refused. A node has its ranges and the pods with addresses outside these; a reflector or
/// a router outside has the routes of all nodes.
inline constexpr int kRoutesOfNode = 4096;
inline constexpr int kRoutesOfCluster = 200'000;

/// Passwords by the name of their file.
using Secrets = std::map<std::string, std::string>;

/// Reads every password file that a session names. Throws cni::Error(7) for a file that users other
/// than its owner may read, that cannot be read, or whose content is not a password for TCP MD5 and
/// BIRD (1 to 80 printable characters, no quotation mark); the message has the file's name and
/// never its content.
Secrets read_secrets(const Configuration& desired);

/// The configuration of BIRD 2.0.12 for `desired`. Deterministic. Contains the passwords: write it
/// to the configuration file only.
std::string render(const Configuration& desired, const Secrets& secrets);

/// Returns whether `text` is a configuration of render(), of any version.
bool is_rendered(std::string_view text);

/// The sessions of a configuration of render(), each as it is written there, by name.
std::map<std::string, std::string> find_sessions(const std::string& configuration);

/// The lines that must match the other end of a session: addresses, AS numbers, password and,
/// between nodes, TTL security in a configuration of render(). Empty without such a session.
std::string find_agreement(const std::string& configuration, const std::string& session);

}  // namespace agent::bird
