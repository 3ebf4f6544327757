// SPDX-License-Identifier: Apache-2.0
#include "ipam/host-local/plugin.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <gmock/gmock.h>

#include "libcni/base/file.h"
#include "tests/support/host_local_fixture.h"

namespace {

namespace fs = std::filesystem;
using ipam_host_local::test_world::HostLocal;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST_F(HostLocal, S135_AnswersAddressesGatewaysRoutesAndNothingElse) {
  configure_ipam(R"("subnet":"10.1.0.0/24","routes":[{"dst":"0.0.0.0/0"}])", "1.0.0");
  EXPECT_THAT(add("c1"), ElementsAre("10.1.0.2/24"));
  EXPECT_EQ(json::parse(output).dump(),
            R"({"cniVersion":"1.0.0","ips":[{"address":"10.1.0.2/24","gateway":"10.1.0.1"}],)"
            R"("routes":[{"dst":"0.0.0.0/0"}]})");
}

TEST_F(HostLocal, GivesOneAddressPerSetAndTakesThemBack) {
  EXPECT_THAT(add("c1"), ElementsAre("10.1.0.2/29", "fd00::2/125"));
  EXPECT_THAT(add("c2"), ElementsAre("10.1.0.3/29", "fd00::3/125"));
  EXPECT_THAT(add("c1", "eth1"), ElementsAre("10.1.0.4/29", "fd00::4/125"));  // S-154
  EXPECT_EQ(call("DEL", "c1"), 0);
  EXPECT_THAT(reserved(), UnorderedElementsAre("10.1.0.3", "fd00::3", "10.1.0.4", "fd00::4"));
  EXPECT_THAT(add("c1"), ElementsAre("10.1.0.5/29", "fd00::5/125"));
}

TEST_F(HostLocal, S164_DelIsIdempotentAndMakesNothing) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(call("DEL", "c1"), 0) << output;
  EXPECT_TRUE(fs::is_empty(dir.path()));
  add("c1");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(call("DEL", "c1"), 0) << output;
  EXPECT_THAT(reserved(), IsEmpty());
}

TEST_F(HostLocal, S155_AddAndDelAnyNumberOfTimes) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(add("c1").size(), 2u) << output;
    ASSERT_EQ(call("DEL", "c1"), 0);
  }
  EXPECT_THAT(files(), testing::SizeIs(3));
}

TEST_F(HostLocal, S153_RefusesASecondAddAndLeavesTheFirstAlone) {
  add("c1");
  const auto before = files();
  EXPECT_THAT(add("c1"), IsEmpty());
  EXPECT_EQ(message(),
            "failed to allocate for range 0: 10.1.0.2 has been allocated to c1, duplicate "
            "allocation is not allowed");
  EXPECT_EQ(code(), 999u);
  EXPECT_EQ(files(), before);
}

TEST_F(HostLocal, GivesAllOrNothing) {
  configure_ipam(R"("ranges":[[{"subnet":"10.1.0.0/29"}],[{"subnet":"10.2.0.0/30"}]])");
  add("c1");
  const auto before = files();
  EXPECT_THAT(add("c2"), IsEmpty());
  EXPECT_EQ(message(),
            "failed to allocate for range 1: no IP addresses available in range set: "
            "10.2.0.1-10.2.0.2");
  EXPECT_EQ(files(), before) << "not even a cursor moved";
  EXPECT_EQ(call("DEL", "c1"), 0);
  EXPECT_THAT(add("c2"), ElementsAre("10.1.0.3/29", "10.2.0.2/30"));
}

TEST_F(HostLocal, RefusesTheImpossibleBeforeItMakesAFolder) {
  environment["CNI_ARGS"] = "IP=10.9.0.1";
  EXPECT_THAT(add("c1"), IsEmpty());
  EXPECT_EQ(message(), "failed to allocate all requested IPs: 10.9.0.1");
  environment["CNI_ARGS"] = "IP=10.1.0.1";
  EXPECT_THAT(add("c1"), IsEmpty());
  EXPECT_EQ(message(), "failed to allocate for range 0: requested ip 10.1.0.1 is subnet's gateway");
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

TEST_F(HostLocal, S246_GivesARequestedAddress) {
  environment["CNI_ARGS"] = "IP=10.1.0.5";
  EXPECT_THAT(add("c1"), ElementsAre("10.1.0.5/29", "fd00::2/125"));
  EXPECT_EQ(files().at("last_reserved_ip.0"), "10.1.0.5");
  EXPECT_THAT(add("c2"), IsEmpty());
  EXPECT_EQ(message(),
            "failed to allocate for range 0: requested IP address 10.1.0.5 is not available in "
            "range set 10.1.0.1-10.1.0.6");
}

TEST_F(HostLocal, ReadsResolvConf) {
  const std::string file = dir.file("resolv.conf", "nameserver 192.0.2.53\nsearch a.test\n");
  configure_ipam(R"("subnet":"10.1.0.0/24","resolvConf":")" + file + "\"");
  add("c1");
  EXPECT_EQ(json::parse(output).at("dns").dump(),
            R"({"nameservers":["192.0.2.53"],"search":["a.test"]})");
  configure_ipam(R"("subnet":"10.1.0.0/24","resolvConf":"/nonexistent/resolv.conf")");
  EXPECT_THAT(add("c2"), IsEmpty());
  EXPECT_THAT(message(), HasSubstr("/nonexistent/resolv.conf"));
}

TEST_F(HostLocal, S172_DelNeedsOnlyTheNameAndTheDataDir) {
  add("c1");
  configure_ipam(R"("ranges":[[{"subnet":"10.1.0.0/33"}],[]],"routes":7)");
  EXPECT_EQ(call("DEL", "c1"), 0) << output;
  EXPECT_THAT(reserved(), IsEmpty());
}

TEST_F(HostLocal, S165_DelNeedsNoNamespace) {
  add("c1");
  environment["CNI_NETNS"] = "";
  EXPECT_EQ(call("DEL", "c1"), 0) << output;
  EXPECT_THAT(reserved(), IsEmpty());
}

TEST_F(HostLocal, CheckPassesAfterAdd) {
  add("c1");
  with_prev_result(last_result);
  const auto before = files();
  EXPECT_EQ(call("CHECK", "c1"), 0) << output;
  EXPECT_EQ(files(), before);  // S-187
  EXPECT_EQ(output, "");
}

TEST_F(HostLocal, S179_CheckNeedsAPrevResult) {
  add("c1");
  EXPECT_EQ(call("CHECK", "c1"), 1);
  EXPECT_EQ(code(), 7u);
}

TEST_F(HostLocal, S181_CheckFailsWhenTheReservationIsGone) {
  add("c1");
  with_prev_result(last_result);
  fs::remove(dir / "net1/fd00::2");
  EXPECT_EQ(call("CHECK", "c1"), 1);
  EXPECT_EQ(message(), "host-local: fd00::2 of prevResult is not reserved for container c1");
  fs::remove(dir / "net1/10.1.0.2");
  EXPECT_EQ(call("CHECK", "c1"), 1);
  EXPECT_EQ(message(), "host-local: Failed to find address added by container c1");
}

TEST_F(HostLocal, CheckFailsWhenTheResultLacksAReservedAddress) {
  add("c1");
  with_prev_result(R"({"ips":[{"address":"10.1.0.2/29"}]})");
  EXPECT_EQ(call("CHECK", "c1"), 1);
  EXPECT_EQ(message(), "host-local: fd00::2 is reserved for container c1 but not in prevResult");
}

TEST_F(HostLocal, S183_CheckLeavesAddressesOfOthersAlone) {
  add("c1");
  json more = json::parse(last_result);
  more["ips"].push_back({{"address", "192.0.2.7/24"}});
  with_prev_result(more.dump());
  EXPECT_EQ(call("CHECK", "c1"), 0) << output;
}

TEST_F(HostLocal, S202_GcReleasesUnlistedAddresses) {
  for (const char* id : {"c1", "c2", "c3"}) add(id);
  put("10.1.0.6", "c4");  // an old release's
  put("10.1.0.5", "c2");
  put("fd00::5", "");  // its writer died
  with_valid(R"([{"containerID":"c2","ifname":"eth0"},{"containerID":"c3","ifname":"eth1"},
                 {"containerID":"c9","ifname":"eth0"}])");
  for (int i = 0; i < 2; ++i) {  // S-200
    EXPECT_EQ(run("GC"), 0) << output;
    EXPECT_THAT(files(), testing::ElementsAre(testing::Pair("10.1.0.3", "c2\r\neth0"),
                                              testing::Pair("10.1.0.5", "c2"),
                                              testing::Pair("fd00::3", "c2\r\neth0"),
                                              testing::Pair("last_reserved_ip.0", "10.1.0.4"),
                                              testing::Pair("last_reserved_ip.1", "fd00::4"),
                                              testing::Pair("lock", "")));
  }
}

TEST_F(HostLocal, S192_GcWithAnEmptyListReleasesAll) {
  for (const char* list : {"null", "[]"}) {
    add("c1");
    with_valid(list);
    EXPECT_EQ(run("GC"), 0) << output;
    EXPECT_THAT(reserved(), IsEmpty()) << list;
  }
}

TEST_F(HostLocal, S193_GcWithAMalformedListReleasesNothing) {
  add("c1");
  const auto before = files();
  with_valid(R"([{"containerID":"c1"}])");
  EXPECT_EQ(run("GC"), 1);
  EXPECT_EQ(files(), before);
}

TEST_F(HostLocal, S195_GcLeavesOtherNetworksAlone) {
  fs::create_directories(dir / "net2");
  std::ofstream(dir / "net2/10.1.0.2") << "c1\r\neth0";
  with_valid("[]");
  EXPECT_EQ(run("GC"), 0) << output;
  EXPECT_TRUE(fs::exists(dir / "net2/10.1.0.2"));
}

TEST_F(HostLocal, S105_S157_S188_AnswersTryAgainWhileTheLockIsHeld) {
  add("c1");
  const base::UniqueFd lock(::open((dir / "net1/lock").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  EXPECT_EQ(call("DEL", "c1"), 1);
  EXPECT_EQ(code(), 11u);
  EXPECT_THAT(message(), HasSubstr(dir / "net1/lock"));
}

TEST_F(HostLocal, S208_StatusFailsWhenAPoolIsExhausted) {
  configure_ipam(R"("ranges":[[{"subnet":"fd00::/64"}],[{"subnet":"10.1.0.0/30"}]])");
  EXPECT_EQ(run("STATUS"), 0) << output;
  EXPECT_TRUE(fs::is_empty(dir.path()));  // S-210
  add("c1");
  EXPECT_EQ(run("STATUS"), 1);
  EXPECT_EQ(code(), 50u);
  EXPECT_EQ(message(), "no IP addresses available in range set: 10.1.0.1-10.1.0.2");
  EXPECT_THAT(json::parse(output).at("details").get<std::string>(), HasSubstr("range set 1"));
  call("DEL", "c1");
  EXPECT_EQ(run("STATUS"), 0) << output;
  put("10.1.0.2", "");
  EXPECT_EQ(run("STATUS"), 0) << "ADD would take it: " << output;
}

TEST_F(HostLocal, S206_StatusFailsWhenTheDataDirIsImpossible) {
  dir.file("net1", "a file");
  EXPECT_EQ(run("STATUS"), 1);
  EXPECT_EQ(code(), 50u);
  EXPECT_THAT(add("c1"), IsEmpty());
  EXPECT_EQ(code(), 5u);
}

TEST_F(HostLocal, S211_StatusReadsNoCniArgs) {
  environment["CNI_ARGS"] = "garbage";
  EXPECT_EQ(run("STATUS"), 0) << output;
}

TEST_F(HostLocal, S263_RefusesANetworkFolderThatIsALink) {
  fs::create_directory(dir / "elsewhere");
  fs::create_directory_symlink(dir / "elsewhere", dir / "net1");
  EXPECT_THAT(add("c1"), IsEmpty());
  EXPECT_EQ(code(), 5u);
  EXPECT_THAT(message(), HasSubstr(dir / "net1"));
  EXPECT_TRUE(fs::is_empty(dir / "elsewhere"));
}

TEST_F(HostLocal, RunsItsExample) {
  json config = json::parse(base::read_file("example.conf"));
  config["ipam"]["dataDir"] = dir.path();
  input = config.dump();
  EXPECT_THAT(add("c1"), ElementsAre("10.22.0.2/16", "fd00:22::2/64")) << output;
}

TEST_F(HostLocal, KeepsLongContainerIds) {
  const std::string id(300, 'x');
  EXPECT_EQ(add(id).size(), 2u) << output;
  EXPECT_EQ(call("DEL", id), 0);
  EXPECT_THAT(reserved(), IsEmpty());
}

}  // namespace
