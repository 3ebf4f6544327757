// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/drivers/bird/configuration.h"

namespace agent::bird {

/// Advice about sessions as planned: how many have no password, with an example. One line each.
std::vector<std::string> notes_on(const std::vector<Session>& sessions);

/// The same for a configuration, before the nodes are known.
std::vector<std::string> notes_on(const Config& config);

}  // namespace agent::bird
