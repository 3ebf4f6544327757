// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace json {

/// The members with a text value of the object that the keys `path` lead to, in the order of the
/// document `text`, a repeated key as often as it is written. Keys of `path` match in any case;
/// objects that several of them lead to count as one, and `null` empties it, as in Go. `text` is a
/// document that Object::parse() accepted.
std::vector<std::pair<std::string, std::string>> list_texts(
    std::string_view text, std::initializer_list<std::string_view> path);

}  // namespace json
