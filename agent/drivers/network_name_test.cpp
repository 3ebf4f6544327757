// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/network_name.h"

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace agent {
namespace {

/// L3: the list for new pods has the name of the network whose pods live on.
class NetworkName : public testing::Test {
 protected:
  void reserve(const std::string& network, const std::string& address) {
    std::filesystem::create_directories(data_dir() + "/" + network);
    folder_.file("networks/" + network + "/" + address, "c1\r\neth0");
  }
  std::string data_dir() const { return folder_.path() + "/networks"; }
  std::string choose(const std::string& present = "") const {
    return choose_network(
        present, data_dir(),
        {*base::Prefix::parse("10.244.1.0/24"), *base::Prefix::parse("fd00:1::/64")});
  }
  test::TempDir folder_;
};

TEST_F(NetworkName, IsPlumbOnAFreshNode) {
  EXPECT_EQ(choose(), "plumb");  // no folder
  reserve("other", "10.9.0.2");
  std::filesystem::create_directories(data_dir() + "/cbr0");
  EXPECT_EQ(choose(), "plumb");
}

TEST_F(NetworkName, IsTheNetworkOfPodsInTheNodesRanges) {
  reserve("other", "10.9.0.2");
  reserve("cbr0", "10.244.1.7");
  EXPECT_EQ(choose(), "cbr0");
  EXPECT_EQ(choose("plumb"), "cbr0") << "a list that no pod was added by";
  reserve("v6", "fd00:1::7");
  reserve("v6", "fd00:1::8");
  EXPECT_EQ(choose(), "v6");
}

TEST_F(NetworkName, StaysWhileAPodOfItLives) {
  reserve("cbr0", "10.244.1.7");
  reserve("plumb", "10.244.9.7");
  EXPECT_EQ(choose("plumb"), "plumb");
  EXPECT_EQ(choose(""), "plumb");
}

TEST_F(NetworkName, StaysWhenAllPodsAreGone) {
  std::filesystem::create_directories(data_dir() + "/cbr0");
  EXPECT_EQ(choose("cbr0"), "cbr0");
}

TEST_F(NetworkName, IsNotChosenInATie) {
  reserve("a", "10.244.1.7");
  reserve("z", "10.244.1.8");
  EXPECT_EQ(choose(), "plumb");
  reserve("z", "10.244.1.9");
  EXPECT_EQ(choose(), "z");
}

TEST_F(NetworkName, IsReadFromTheListInUse) {
  EXPECT_EQ(name_in(folder_.path() + "/none"), "");
  EXPECT_EQ(name_in(folder_.file("broken", "{")), "");
  EXPECT_EQ(name_in(folder_.file("odd", R"({"name":"../etc"})")), "");
  EXPECT_EQ(name_in(folder_.file("list", R"({"name":"cbr0"})")), "cbr0");
}

}  // namespace
}  // namespace agent
