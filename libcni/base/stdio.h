// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace base {

/// Opens the standard descriptors that are closed, so that no file opened later takes their number.
/// A closed standard output gets a descriptor that cannot be written, so that lost output is an
/// error.
void fill_stdio();

/// Flushes std::cout. Throws std::system_error naming standard output if any output since the start
/// could not be written, such as on a full disk.
void flush_stdout();

}  // namespace base
