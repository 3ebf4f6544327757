// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "libcni/json/object.h"
#include "libcni/spec/result.h"

namespace json {

/// GC's list of the valid attachments: `cni.dev/valid-attachments`, else the `cni.dev/attachments`
/// of the first 1.1.0 text; null and `[]` are the empty list. A missing list counts as empty, with
/// a warning on stderr. Throws code 7 for a malformed list.
std::vector<cni::Attachment> parse_attachments(const Object& config);

}  // namespace json
