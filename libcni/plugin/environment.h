// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "libcni/plugin/plugin.h"

namespace cni {

/// The value of CNI_COMMAND for `verb`.
std::string_view verb_name(Verb verb);

/// Throws code 4 `unknown CNI_COMMAND: <value>` for anything but the exact names.
Verb parse_verb(std::string_view command);

/// Reads the parts of a request that are in the environment. Throws one code 4 naming every
/// variable that is missing or malformed.
Request read_environment(Verb verb,
                         const std::function<std::optional<std::string>(const char*)>& getenv);

}  // namespace cni
