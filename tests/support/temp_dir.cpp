// SPDX-License-Identifier: Apache-2.0
#include "tests/support/temp_dir.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "libcni/base/file.h"
#include "libcni/base/sys_error.h"

namespace test {

TempDir::TempDir()
    : path_((std::filesystem::temp_directory_path() / "plumb-test-XXXXXX").string()) {
  if (::mkdtemp(path_.data()) == nullptr) base::throw_errno("create " + path_);
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempDir::file(std::string_view name, std::string_view content, unsigned mode) const {
  const std::string path = *this / name;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  base::write_file_atomic(path, content, mode);
  return path;
}

std::string TempDir::script(std::string_view name, std::string_view body) const {
  return file(name, "#!/bin/sh\n" + std::string(body), 0755);
}

}  // namespace test
