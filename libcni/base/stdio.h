// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace base {

/// Opens the standard descriptors that are closed, so that no file opened later takes their number.
/// Standard output gets a descriptor that cannot be written: output that is lost is an error
/// (S-089, S-090).
void fill_stdio();

/// Writes what std::cout holds. Throws std::system_error naming standard output when any of what
/// was printed since the start could not be written, such as on a full disk.
void flush_stdout();

}  // namespace base
