// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/conformance/text.h"

#include <fstream>
#include <sstream>

namespace conformance {

std::string read_text(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace conformance
