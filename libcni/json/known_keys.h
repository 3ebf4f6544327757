// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libcni/json/object.h"

namespace json {

/// One word of a table of keys: the key's path, and its type behind a colon.
///
/// `mtu:int`, `vlan:int(0..4094)`, `mode:string(l2|l3)`, `dns.domain:string`, `vlanTrunk[].id:int`
/// (a list of objects), `gateways[]:string` (a list of strings). The types are those of Object's
/// getters: `string`, `bool`, `int`, `uint`, `object`, and `map(string)`, `map(bool)` (an object
/// whose members have any name and one type), `flag` (a bool, or its text). The words in
/// parentheses are for the schemas in docs/schema, and the plugin's parser refuses other values. A
/// word without a type is a key of any type.
struct KnownKey {
  std::string_view path;
  std::string_view type;  ///< empty when any value fits
};

/// Reads a table: words separated by spaces.
std::vector<KnownKey> parse_known_keys(std::string_view words);

struct WrongType {
  std::string path;  ///< such as `vlanTrunk[0].id`
  std::string text;  ///< as Object's getters say it: `key "mtu" must be an integer, not "1400"`
};

/// The values of `object` whose types are not those of the table `known`, in the order of the
/// object. Null is an absent key.
std::vector<WrongType> find_wrong_types(const Object& object, std::string_view known);

}  // namespace json
