// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/folder.h"

#include <chrono>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/spec/error.h"
#include "tests/support/temp_dir.h"

namespace agent::policy {
namespace {

constexpr char kPolicy[] =
    "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}, spec: {}}\n";

TEST(PolicyFolder, IsYoungAfterAFileWasRenamedAway) {
  const test::TempDir folder;
  const std::string file = folder.file("p.yaml", kPolicy);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const auto before = stamp_of(folder.path()).age;
  std::filesystem::rename(file, file + "~");
  EXPECT_LT(stamp_of(folder.path()).age, before);
}

TEST(PolicyFolder, IsNotReadWithAnEmptyFile) {
  const test::TempDir folder;
  folder.file("p.yaml", kPolicy);
  EXPECT_EQ(read_folder(folder.path()).policies.size(), 1u);
  folder.file("q.yaml", "");
  EXPECT_THAT([&] { read_folder(folder.path()); },
              testing::ThrowsMessage<cni::Error>(
                  testing::HasSubstr("q.yaml:1: file is empty: write it whole, or remove it")));
}

TEST(PolicyFolder, IsNotReadWhenItChangedMeanwhile) {
  const test::TempDir folder;
  folder.file("p.yaml", kPolicy);
  const FolderStamp stamp = stamp_of(folder.path());
  EXPECT_TRUE(read_folder_at(folder.path(), stamp).has_value());
  folder.file("p.yaml", "");
  folder.file("p.yaml", "# removed\n");
  EXPECT_FALSE(read_folder_at(folder.path(), stamp).has_value());
}

TEST(PolicyFolder, IsNotReadWithAFileThatIsNotThere) {
  const test::TempDir folder;
  std::filesystem::create_symlink("missing", folder / "p.yaml");
  EXPECT_THROW(read_folder(folder.path()), std::system_error);
}

}  // namespace
}  // namespace agent::policy
