// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>

namespace base {

/// Room for `size` bytes that a call fills, not initialised, aligned for any message. On the stack
/// an array of many pages costs a page fault for each of them, however little is read into it:
/// -fstack-clash-protection touches them all.
inline std::unique_ptr<char[]> make_buffer(std::size_t size) {
  return std::make_unique_for_overwrite<char[]>(size);
}

}  // namespace base
