// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace base {

/// Returns whether `text` is an ASCII letter or digit, followed by letters, digits, `_`, `.` and
/// `-`.
bool is_identifier(std::string_view text);

/// The reason why `text` cannot be the name of a network interface; empty when it can.
std::string ifname_problem(std::string_view text);

/// `veth` and 8 random hex digits, as the reference names host ends.
std::string random_veth_name();

/// Lower-case hex of SHA-512.
std::string sha512_hex(std::string_view data);

}  // namespace base
