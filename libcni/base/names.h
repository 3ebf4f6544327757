// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace base {

/// First character ASCII alphanumeric, then alphanumerics, `_`, `.`, `-` (S-023, S-053).
bool is_identifier(std::string_view text);

/// Why `text` cannot name a network interface, or empty when it can (S-029 to S-032).
std::string ifname_problem(std::string_view text);

/// `veth` and 8 random hex digits, as the reference names host ends (reference-plugins 1.10).
std::string random_veth_name();

/// Lower-case hex of SHA-512 (reference-plugins 1.15).
std::string sha512_hex(std::string_view data);

}  // namespace base
