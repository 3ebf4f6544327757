// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "agent/config/config.h"
#include "libcni/json/object.h"

namespace agent {

/// An answer of the running agent.
struct Answer {
  int status = 0;
  std::string body = {};
};

/// Sends a request to the plumbd of this run directory; nothing when none listens. Throws
/// std::system_error for other failures, such as EACCES, and when it takes longer than ten seconds.
std::optional<Answer> ask_agent(const Config& config, const std::string& method,
                                const std::string& path);

/// The JSON text of an answer for people: its texts have escapes in place of control characters,
/// which a terminal would act on. `lines`: a line break stays one.
json::Object read_for_people(const std::string& text, const std::string& what, bool lines = false);

}  // namespace agent
