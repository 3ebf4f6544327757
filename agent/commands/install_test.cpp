// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/install.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/file.h"
#include "libcni/base/unique_fd.h"
#include "libcni/spec/error.h"
#include "tests/support/temp_dir.h"

namespace agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Install : public testing::Test {
 protected:
  Install() {
    std::filesystem::create_directory(from);
    std::filesystem::create_directory(to);
  }
  std::vector<std::string> run() const { return install_plugins(from, to); }
  std::string refusal() const {
    try {
      run();
    } catch (const cni::Error& error) {
      return error.what();
    }
    return "nothing was refused";
  }
  void offer(const std::string& name, const std::string& content) const {
    folder.file("from/" + name, content);
  }
  std::vector<std::string> installed() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(to))
      names.push_back(entry.path().filename().string());
    return names;
  }

  test::TempDir folder;
  const std::string from = folder / "from";
  const std::string to = folder / "to";
  const std::string program = base::read_file("/bin/true");
};

TEST_F(Install, CopiesEveryPluginAsAnExecutable) {
  offer("bridge", program);
  offer("host-local", program);
  EXPECT_THAT(run(), ElementsAre("bridge", "host-local"));
  EXPECT_EQ(base::read_file(to + "/bridge"), program);
  struct stat status {};
  ASSERT_EQ(::stat((to + "/host-local").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0755u);
  EXPECT_EQ(std::system((to + "/bridge").c_str()), 0);
}

TEST_F(Install, MakesTheTargetFolder) {
  std::filesystem::remove(to);
  offer("bridge", program);
  run();
  EXPECT_THAT(installed(), ElementsAre("bridge"));
}

TEST_F(Install, LeavesAFileThatIsInUseWhole) {
  offer("bridge", program);
  folder.file("to/bridge", "the old one", 0755);
  const base::UniqueFd in_use(::open((to + "/bridge").c_str(), O_RDONLY | O_CLOEXEC));
  run();
  EXPECT_EQ(base::read_all(in_use.get(), "the file in use"), "the old one");
  EXPECT_EQ(base::read_file(to + "/bridge"), program);
}

TEST_F(Install, LeavesForeignPluginsAlone) {
  offer("bridge", program);
  folder.file("to/calico", "not ours", 0755);
  run();
  EXPECT_EQ(base::read_file(to + "/calico"), "not ours");
}

TEST_F(Install, RemovesFilesThatAKilledInstallationLeft) {
  offer("bridge", program);
  folder.file("to/bridge.tmp-a1B2c3", "half a plug");
  run();
  EXPECT_THAT(installed(), ElementsAre("bridge"));
}

TEST_F(Install, RefusesAFileThatIsNotAnExecutableAndInstallsNothing) {
  offer("bridge", program);
  offer("ptp", "#!/bin/sh\necho a script is not one of our plugins, however long it is\n");
  EXPECT_THAT(refusal(), HasSubstr("/ptp is not an ELF executable"));
  EXPECT_THAT(installed(), IsEmpty());
}

TEST_F(Install, RefusesAPluginForAnotherMachine) {
  std::string foreign = program;
  foreign[offsetof(Elf64_Ehdr, e_machine)] = static_cast<char>(EM_PPC64);
  offer("bridge", foreign);
  EXPECT_THAT(refusal(), HasSubstr("another kind of machine"));
  EXPECT_THAT(installed(), IsEmpty());
}

TEST_F(Install, RefusesAnEmptyFolder) {
  EXPECT_THAT(refusal(), HasSubstr("no plugins to install"));
}

}  // namespace
}  // namespace agent
