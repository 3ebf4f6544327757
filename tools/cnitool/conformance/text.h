// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace conformance {

std::string read_text(const std::string& path);
void write_text(const std::string& path, const std::string& text);
/// The words with blanks between them.
std::string join(const std::vector<std::string>& words);

}  // namespace conformance
