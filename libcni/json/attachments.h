// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "libcni/json/object.h"
#include "libcni/spec/result.h"

namespace json {

/// GC's list of what is still in use: `cni.dev/valid-attachments`, else the `cni.dev/attachments`
/// of the first 1.1.0 text; null and `[]` are the empty list (S-190 to S-192). No list at all is an
/// empty one too, said loudly on stderr (F-08). Throws code 7 for anything malformed (S-193).
std::vector<cni::Attachment> parse_attachments(const Object& config);

}  // namespace json
