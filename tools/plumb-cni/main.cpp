// SPDX-License-Identifier: Apache-2.0
// All plugins in one file: it acts as the one by whose name it is called. Called by its own name,
// it lists them.
#include <unistd.h>

#include <string>
#include <string_view>

#include "tools/plumb-cni/table.h"

namespace {

std::string_view last_part(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

void print(int fd, const std::string& text) {
  [[maybe_unused]] const ssize_t written = ::write(fd, text.data(), text.size());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view name = argc > 0 ? last_part(argv[0]) : "";
  std::string names;
  for (const plumb_cni::Entry& entry : plumb_cni::entries()) {
    if (entry.name == name) return entry.main(argc, argv);
    names += std::string(entry.name) + "\n";
  }
  if (argc == 2 && std::string_view(argv[1]) == "--list") {
    print(STDOUT_FILENO, names);
    return 0;
  }
  print(STDERR_FILENO, std::string(name) +
                           " is not the name of a plugin in this file: link it to the names that "
                           "`plumb-cni --list` prints\n");
  return 1;
}
