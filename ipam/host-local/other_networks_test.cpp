// SPDX-License-Identifier: Apache-2.0
// L3: pods of networks that share a node's ranges never get one address.
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include <gmock/gmock.h>

#include "ipam/host-local/plugin.h"
#include "tests/support/plugin_process.h"
#include "tests/support/temp_dir.h"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

class OtherNetworks : public test::PluginProcess {
 protected:
  OtherNetworks() {
    plugin = ipam_host_local::plugin();
    write("node.json", R"({"version":1,"name":"n1","ranges":["10.1.0.0/29","fd00::/125"]})");
    use("10.1.0.0/29", "fd00::/125");
  }
  void use(const std::string& v4, const std::string& v6) {
    configure("1.1.0", R"(,"nodeFile":")" + dir.path() + R"(/node.json","ipam":{"dataDir":")" +
                           dir.path() + R"(/networks","type":"host-local","ranges":[[{"subnet":")" +
                           v4 + R"("}],[{"subnet":")" + v6 + R"("}]]})");
  }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((dir / name).substr(0, (dir / name).rfind('/')));
    std::ofstream(dir / name) << text;
  }
  std::string add(const std::string& id) {
    environment["CNI_CONTAINERID"] = id;
    if (run("ADD") != 0) return json::parse(output).at("msg");
    std::string text;
    const json answer = json::parse(output);
    for (const json& ip : answer.at("ips")) text += ip.at("address").get<std::string>() + " ";
    return text;
  }
  test::TempDir dir;
};

TEST_F(OtherNetworks, KeepTheirAddressesOfTheNodesRanges) {
  write("networks/cbr0/10.1.0.2", "c9\r\neth0");
  write("networks/cbr0/10.1.0.3", "c8");
  write("networks/kubenet/fd00::2", "c7\r\neth0");
  EXPECT_EQ(add("c1"), "10.1.0.4/29 fd00::3/125 ");
  write("networks/cbr0/10.1.0.5", "");  // its writer died
  EXPECT_EQ(add("c2"), "10.1.0.5/29 fd00::4/125 ");
}

TEST_F(OtherNetworks, AreNamedWhenNothingIsLeft) {
  for (const char* last : {"2", "3", "4", "5", "6"})
    write(std::string("networks/cbr0/10.1.0.") + last, "c9\r\neth0");
  EXPECT_THAT(add("c1"), HasSubstr("no IP addresses available"));
  EXPECT_THAT(add("c1"), HasSubstr(R"(by network "cbr0")"));
}

TEST_F(OtherNetworks, KeepARequestedAddress) {
  write("networks/cbr0/10.1.0.4", "c9\r\neth0");
  environment["CNI_ARGS"] = "IP=10.1.0.4";
  EXPECT_THAT(add("c1"), HasSubstr(R"(10.1.0.4 by network "cbr0")"));
}

TEST_F(OtherNetworks, MayUseTheSameAddressesOutsideTheNodesRanges) {
  write("networks/cbr0/10.2.0.2", "c9\r\neth0");
  use("10.2.0.0/29", "fd00:2::/125");
  EXPECT_EQ(add("c1"), "10.2.0.2/29 fd00:2::2/125 ");
}

TEST_F(OtherNetworks, MayUseTheSameAddressesWithoutPlumbd) {
  write("networks/cbr0/10.1.0.2", "c9\r\neth0");
  fs::remove(dir / "node.json");
  EXPECT_EQ(add("c1"), "10.1.0.2/29 fd00::2/125 ");
}

/// A file that cannot be read never counts as "the address is free".
TEST_F(OtherNetworks, KeepTheirAddressesWhenTheNodeFileIsDamaged) {
  write("networks/cbr0/10.1.0.2", "c9\r\neth0");
  for (const char* text : {"{", "{}", R"({"ranges":["10.1"]})", R"({"ranges":7})"}) {
    write("node.json", text);
    EXPECT_EQ(add("c1").substr(0, 9), "10.1.0.3/") << text;
    ASSERT_EQ(run("DEL"), 0);
    fs::remove(dir / "networks/net1/last_reserved_ip.0");
  }
}

TEST_F(OtherNetworks, KeepTheAddressOfAFileThatCannotBeRead) {
  fs::create_directories(dir / "networks/cbr0");
  fs::create_symlink("/dev/zero", dir / "networks/cbr0/10.1.0.2");
  EXPECT_EQ(add("c1").substr(0, 9), "10.1.0.3/");
}

}  // namespace
