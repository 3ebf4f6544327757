// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libcni/json/object.h"

namespace runtime {

/// A member of an object in the text: the decoded key and the exact text of the value.
struct RawMember {
  std::string key;
  std::string_view text;
};

/// The top-level members of a JSON object that is known to be well-formed, in order.
std::vector<RawMember> split_object(std::string_view object);
/// The elements of a well-formed JSON array.
std::vector<std::string_view> split_array(std::string_view array);
/// The text of the last member called `key`, empty when there is none.
std::string_view raw_member(const std::vector<RawMember>& members, std::string_view key);

/// Parses an object. Throws cni::Error(6) `<where>: error parsing <what>: line L, column C: ...`.
json::Object parse_document(std::string_view text, const std::string& where,
                            const std::string& what);

}  // namespace runtime
