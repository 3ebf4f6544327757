// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace test {

/// A temporary folder, removed with its contents at the end of the test.
class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
  /// Writes `name` and returns its path.
  std::string file(std::string_view name, std::string_view content, unsigned mode = 0644) const;
  /// An executable shell script; `#!/bin/sh` is put in front of `body`.
  std::string script(std::string_view name, std::string_view body) const;

 private:
  std::string path_;
};

}  // namespace test
