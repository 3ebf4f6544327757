// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "ipam/store/store.h"
#include "tests/support/temp_dir.h"

namespace ipam {

namespace fs = std::filesystem;

inline base::IpAddress ip(const std::string& text) {
  return *base::IpAddress::parse(text);
}

inline std::vector<std::string> texts(const std::vector<base::IpAddress>& addresses) {
  std::vector<std::string> all;
  for (const base::IpAddress& address : addresses) all.push_back(address.text());
  return all;
}

class StoreTest : public testing::Test {
 protected:
  Store open() {
    Folder folder = Folder::ensure(dir.path(), "net");
    std::optional<Lock> lock = folder.lock(1);
    EXPECT_TRUE(lock);
    return Store(std::move(folder), std::move(*lock));
  }
  std::string path(const std::string& name) const { return dir / "net/" + name; }
  /// Like another program: in another process, without the index.
  void put(const std::string& name, const std::string& content) const {
    fs::create_directories(dir / "net");
    std::ofstream(path(name)) << content;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(dir / "net"))
      found.push_back(entry.path().filename());
    return found;
  }
  std::vector<AddressFile> scan() const {
    std::vector<AddressFile> files;
    Folder::find(dir.path(), "net")->scan([&](AddressFile file) { files.push_back(file); });
    return files;
  }
  std::vector<std::string> exact(const Owner& owner) {
    return texts(open().find_owned(owner).exact);
  }

  test::TempDir dir;
  const Owner c1{"c1", "eth0"};
  const Owner c2{"c2", "eth0"};
};

}  // namespace ipam
