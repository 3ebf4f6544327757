// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "agent/drivers/bird/desired.h"

namespace agent::bird {

/// Passwords by the file that they are in.
using Secrets = std::map<std::string, std::string>;

/// Reads every password file that a session names. Throws cni::Error(7) for one that others than
/// its owner may read, that cannot be read, or whose content TCP MD5 or BIRD cannot express (1 to
/// 80 printable characters, no quotation mark); the message has the file's name and never its
/// content.
Secrets read_secrets(const Desired& desired);

/// The configuration of BIRD 2.0.12 that does what is desired. Deterministic. Contains the
/// passwords: for the configuration file only.
std::string render(const Desired& desired, const Secrets& secrets);

/// Whether `text` is a configuration of render(), of any version.
bool is_rendered(std::string_view text);

/// The sessions of a configuration of render(), each as it is written there, by name.
std::map<std::string, std::string> find_sessions(const std::string& configuration);

/// What the other end of a session must have alike: the lines with addresses, AS numbers and
/// password that a configuration of render() has for it. Empty without such a session.
std::string find_agreement(const std::string& configuration, const std::string& session);

}  // namespace agent::bird
