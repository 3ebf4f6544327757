// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "libcni/plugin/plugin.h"

namespace cni {

/// What CNI_COMMAND says for `verb`.
std::string_view verb_name(Verb verb);

/// Throws code 4 `unknown CNI_COMMAND: <value>` for anything but the exact names (S-002, S-003).
Verb parse_verb(std::string_view command);

/// The parts of a request that the environment holds. Throws one code 4 naming every variable that
/// is missing or malformed (S-007 to S-018).
Request read_environment(Verb verb,
                         const std::function<std::optional<std::string>(const char*)>& getenv);

}  // namespace cni
