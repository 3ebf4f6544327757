// SPDX-License-Identifier: Apache-2.0
// Stores that other programs wrote into, reservations that outlived their attachments, and damaged
// files.
#include <sys/stat.h>

#include <chrono>
#include <filesystem>

#include <gmock/gmock.h>

#include "tests/support/host_local_fixture.h"

namespace {

namespace fs = std::filesystem;
using ipam_host_local::test_world::HostLocal;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// R5
TEST_F(HostLocal, R5_ReleasesAReservationThatWasRewrittenInPlace) {
  add("c1");
  put("10.1.0.2", "c2\r\neth0");
  EXPECT_EQ(call("DEL", "c2"), 0);
  EXPECT_THAT(reserved(), ElementsAre("fd00::2"));
  EXPECT_EQ(call("DEL", "c1"), 0);
  EXPECT_THAT(reserved(), IsEmpty());
}

TEST_F(HostLocal, R5_CheckSeesAReservationThatWasRewrittenInPlace) {
  add("c1");
  put("10.1.0.2", "c2\r\neth0");
  put("fd00::2", "c2\r\neth0");
  with_prev_result(last_result);
  EXPECT_EQ(call("CHECK", "c2"), 0) << output;
  EXPECT_EQ(call("CHECK", "c1"), 1);
}

TEST_F(HostLocal, R5_GivesAnAddressWhoseFileWasEmptied) {
  configure_ipam(R"("ranges":[[{"subnet":"10.1.0.0/30"}]])");
  add("c1");
  EXPECT_THAT(add("c2"), IsEmpty());
  put("10.1.0.2", "");
  EXPECT_EQ(run("STATUS"), 0) << output;
  EXPECT_THAT(add("c2"), ElementsAre("10.1.0.2/30"));
}

// R3: a plugin that does not open the namespace does not require it to exist.
TEST_F(HostLocal, R3_NeedsNoNamespace) {
  for (const char* override_guard : {"", "1"}) {
    environment["CNI_NETNS"] = "/some/where/else";
    environment["CNI_NETNS_OVERRIDE"] = override_guard;
    EXPECT_EQ(add("c1").size(), 2u) << output;
    with_prev_result(last_result);
    EXPECT_EQ(call("CHECK", "c1"), 0) << output;
    EXPECT_EQ(call("DEL", "c1"), 0) << output;
  }
}

// P9
TEST_F(HostLocal, P9_AProcessReplacesAReservationThatOutlivedItsAttachment) {
  plugin = ipam_host_local::executable();
  for (const char* owner : {"c1\r\neth0", "c1"}) {
    put("10.1.0.4", owner);
    put("fd00::4", owner);
    EXPECT_EQ(add("c1").size(), 2u) << output;
    EXPECT_THAT(reserved(), testing::SizeIs(2));
    EXPECT_FALSE(reserved().contains("10.1.0.4"));
    fs::remove_all(dir / "net1");
  }
}

TEST_F(HostLocal, P9_GivesARequestedAddressAgainToItsOwner) {
  plugin = ipam_host_local::executable();
  put("10.1.0.4", "c1\r\neth0");
  environment["CNI_ARGS"] = "IP=10.1.0.4";
  EXPECT_THAT(add("c1"), ElementsAre("10.1.0.4/29", "fd00::2/125")) << output;
}

TEST_F(HostLocal, P9_S153_AProcessKeepsTheReservationOfASecondAdd) {
  plugin = ipam_host_local::executable();
  add("c1");
  const auto before = files();
  EXPECT_THAT(add("c1"), IsEmpty()) << "reserved since the machine started";
  EXPECT_EQ(files(), before);
}

TEST_F(HostLocal, P9_S153_AProcessKeepsTheReservationOfALinkThatLives) {
  plugin = ipam_host_local::executable();
  put("10.1.0.4", "c1\r\nlo");
  EXPECT_THAT(add("c1", "lo"), IsEmpty());
  EXPECT_THAT(reserved(), ElementsAre("10.1.0.4"));
  environment["CNI_NETNS"] = "/some/where/else";  // cannot look
  EXPECT_THAT(add("c1", "lo"), IsEmpty());
  EXPECT_THAT(reserved(), ElementsAre("10.1.0.4"));
}

TEST_F(HostLocal, P9_InProcessItIsForTheInterfacePluginToSay) {
  put("10.1.0.4", "c1\r\neth0");
  EXPECT_THAT(add("c1"), IsEmpty());
  EXPECT_THAT(reserved(), ElementsAre("10.1.0.4"));
}

// S11
TEST_F(HostLocal, S11_RefusesALargeResolvConfAndNeverBlocksOnIt) {
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  dir.file("large", std::string(70'000, '#'));
  for (const std::string& path : {dir / "fifo", dir / "large", std::string("/dev/zero")}) {
    configure_ipam(R"("subnet":"10.1.0.0/24","resolvConf":")" + path + "\"");
    EXPECT_THAT(add("c1"), IsEmpty());
    EXPECT_THAT(message(), HasSubstr(path));
  }
}

TEST_F(HostLocal, S11_RefusesADataDirLongerThanAPath) {
  std::string components;
  for (int i = 0; i < 50'000; ++i) components += "a/";
  const auto start = std::chrono::steady_clock::now();
  configure("1.1.0", R"(,"ipam":{"type":"host-local","subnet":"10.1.0.0/24","dataDir":")" +
                         dir.path() + "/" + components + "\"}");
  for (const char* verb : {"ADD", "STATUS"}) {
    EXPECT_EQ(call(verb, "c1"), 1);
    EXPECT_EQ(code(), 7u);
    EXPECT_THAT(message(), HasSubstr("ipam.dataDir"));
  }
  EXPECT_EQ(call("DEL", "c1"), 0) << "nothing can be in there: " << output;
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

}  // namespace
