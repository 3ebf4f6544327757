// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

namespace cni {

/// Reads CNI_ARGS (`K=V;K2=V2`) for a plugin with the keys `known`. A pair without exactly one `=`
/// is an error, a later duplicate wins, unknown keys are an error unless IgnoreUnknown is 1 or
/// true. Throws Error code 4 naming CNI_ARGS. Returns the known keys that are present.
std::map<std::string, std::string> parse_args(std::string_view args,
                                              std::initializer_list<std::string_view> known);

}  // namespace cni
