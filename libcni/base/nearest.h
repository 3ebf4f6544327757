// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace base {

/// The known word of which `word` is probably a misspelling: in another case, abbreviated, or with
/// at most a third of its letters (one in short words) wrong, missing, added or swapped. Empty when
/// there is none.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

/// The same as the end of a message: `, did you mean "status"?`, or empty.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> known);

}  // namespace base
