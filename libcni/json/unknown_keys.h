// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libcni/json/object.h"

namespace json {

/// A key that the reader of a configuration does not know.
struct UnknownKey {
  std::string path;       ///< such as `vlanTrunk[0].minid`
  std::string hint = {};  ///< `, did you mean "minID"?`; empty when no known key is near
};

/// The keys of `object` that `known`, a table as in known_keys.h, does not list, in the order of
/// the object. Keys match in any case, as in the getters. The members of a key are compared only if
/// `known` lists any of them.
std::vector<UnknownKey> find_unknown_keys(const Object& object, std::string_view known);

}  // namespace json
