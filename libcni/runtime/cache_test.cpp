// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/cache.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "libcni/base/file.h"
#include "tests/support/runtime_world.h"

namespace runtime {
namespace {

using test::thrown;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kConfig = R"({"cniVersion":"1.1.0","name":"net1","plugins":[{"type":"pa"}]})";

class Caching : public testing::Test {
 protected:
  CacheEntry entry(const std::string& network = "net1", const std::string& id = "c1") const {
    CacheEntry made;
    made.network = network;
    made.conf = {.container_id = id, .netns = "/run/netns/t", .ifname = "eth0"};
    made.config = kConfig;
    made.result = R"({"cniVersion":"1.1.0","ips":[{"address":"10.0.0.2/24"}]})";
    return made;
  }
  static unsigned mode(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777u;
  }
  std::vector<std::string> listed(const std::string& id = {}) const {
    std::vector<std::string> found;
    for (const CacheEntry& each : cache.list(id))
      found.push_back(std::filesystem::path(each.file).filename());
    return found;
  }
  void put(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(results);
    files.file("a/b/results/" + name, text);
  }
  test::TempDir files;
  const Cache cache{files / "a/b"};
  const std::string results = files / "a/b/results";
};

// R-087 R-088
TEST_F(Caching, R087_FilesAndFoldersArePrivate) {
  cache.write(entry());
  EXPECT_EQ(mode(results + "/net1-c1-eth0"), 0600u);
  EXPECT_EQ(mode(results), 0700u);
  EXPECT_EQ(mode(files / "a"), 0700u);
}

// R-088
TEST_F(Caching, R088_ThePathNeedsAllThreeParts) {
  EXPECT_EQ(cache.path_of("net1", {.container_id = "c1", .ifname = "eth0"}),
            results + "/net1-c1-eth0");
  EXPECT_STREQ(
      thrown<cni::Error>([&] { cache.path_of("net1", {.ifname = "eth0"}); }).what(),
      "cache file path requires network name (net1), container ID (), and interface name (eth0)");
  EXPECT_THROW(cache.path_of("../net1", entry().conf), cni::Error);
}

// R-089
TEST_F(Caching, R089_TheFileIsTheReferencesByteForByte) {
  CacheEntry full = entry();
  full.conf.args = {{"A", "B"}, {"C", "D"}};
  full.conf.capability_args = {{"mac", "\"02:00:00:00:00:01\""}, {"other", "2"}};
  EXPECT_EQ(
      print_entry(full),
      R"({"kind":"cniCacheV1","containerId":"c1","config":"eyJjbmlWZXJzaW9uIjoiMS4xLjAiLCJuYW1lIjoibmV0MSIsInBsdWdpbnMiOlt7InR5cGUiOiJwYSJ9XX0=","ifName":"eth0","networkName":"net1","netns":"/run/netns/t","cniArgs":[["A","B"],["C","D"]],"capabilityArgs":{"mac":"02:00:00:00:00:01","other":2},"result":{"cniVersion":"1.1.0","ips":[{"address":"10.0.0.2/24"}]}})");
  full.conf = {.container_id = "c1", .ifname = "eth0"};
  full.result.reset();
  EXPECT_EQ(
      print_entry(full),
      R"({"kind":"cniCacheV1","containerId":"c1","config":"eyJjbmlWZXJzaW9uIjoiMS4xLjAiLCJuYW1lIjoibmV0MSIsInBsdWdpbnMiOlt7InR5cGUiOiJwYSJ9XX0=","ifName":"eth0","networkName":"net1"})");
}

// R-089 R-102: our data is in one member that others ignore.
TEST_F(Caching, R102_OurMembersComeLastUnderOneName) {
  CacheEntry ours = entry();
  ours.boot_id = "boot";
  ours.owner = "me";
  ours.drop_ins = std::vector<CachedDropIn>{{"/x/10.conf", "{\"type\": \"pb\"}"}};
  const auto json = nlohmann::json::parse(print_entry(ours));
  EXPECT_EQ(json.size(), 8u);
  EXPECT_TRUE(print_entry(ours).starts_with(
      print_entry(entry()).substr(0, print_entry(entry()).size() - 1)));
  const CacheEntry back = parse_entry(print_entry(ours), "f");
  EXPECT_EQ(back.boot_id, "boot");
  EXPECT_EQ(back.owner, "me");
  ASSERT_TRUE(back.drop_ins);
  EXPECT_EQ(back.drop_ins->at(0).text, "{\"type\": \"pb\"}");
}

// R-013 R-089
TEST_F(Caching, R089_ReadsTheEntriesThatItWrote) {
  CacheEntry full = entry();
  full.config = "{ \"name\" :\t\"net1\" }\n\xff";
  full.conf.args = {{"K", "V=\"x\""}};
  full.conf.capability_args = {{"io", "[ 1, 18446744073709551616]"}};
  cache.write(full);
  const auto back = cache.find("net1", full.conf);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->config, full.config);
  EXPECT_EQ(back->conf.netns, "/run/netns/t");
  EXPECT_EQ(back->conf.args, full.conf.args);
  EXPECT_EQ(back->conf.capability_args, full.conf.capability_args);
  EXPECT_EQ(back->result, full.result);
  EXPECT_FALSE(back->legacy);
}

// R-092
TEST_F(Caching, R092_FindsNothingForAMissingFile) {
  EXPECT_FALSE(cache.find("net1", entry().conf));
  std::filesystem::create_directories(results + "/net1-c1-eth0");
  EXPECT_FALSE(cache.find("net1", entry().conf));
}

// R-093
TEST_F(Caching, R093_ALegacyFileIsABareResult) {
  put("net1-c1-eth0", R"({"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.0.0.2/24"}]})");
  const auto found = cache.find("net1", entry().conf);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->legacy);
  EXPECT_THAT(*found->result, HasSubstr("10.0.0.2/24"));
  EXPECT_THAT(listed(), IsEmpty());
}

// R-095
TEST_F(Caching, R095_ACorruptFileIsAnErrorNamingIt) {
  for (const std::string text : {"", "garbage", "[]", R"({"kind":"cniCacheV1","config":"%%%"})"}) {
    put("net1-c1-eth0", text);
    EXPECT_THAT(thrown<cni::Error>([&] { cache.find("net1", entry().conf); }).what(),
                HasSubstr("net1-c1-eth0"));
  }
  EXPECT_TRUE(cache.remove("net1", entry().conf));
  EXPECT_FALSE(cache.remove("net1", entry().conf));
}

// R-096: a writer killed at any moment leaves the old or the new file.
TEST_F(Caching, R096_AKilledWriterLeavesOldOrNew) {
  CacheEntry big = entry();
  big.config = std::string(200'000, 'x');
  cache.write(entry());
  for (int round = 0; round < 20; ++round) {
    const pid_t writer = ::fork();
    if (writer == 0)
      for (int i = 0;; ++i) cache.write(i % 2 ? entry() : big);
    ::usleep(static_cast<useconds_t>(500 + round * 700));
    ::kill(writer, SIGKILL);
    ::waitpid(writer, nullptr, 0);
    const auto found = cache.find("net1", entry().conf);
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->config == kConfig || found->config == big.config);
  }
  // The temporary file of a killed writer does not count as an attachment.
  EXPECT_THAT(listed(), testing::ElementsAre("net1-c1-eth0"));
}

// R-097
TEST_F(Caching, R097_TheCachedConfigurationComesWithItsArguments) {
  CacheEntry full = entry();
  full.conf.args = {{"A", "B"}};
  full.conf.capability_args = {{"mac", "\"x\""}};
  cache.write(full);
  const RuntimeConf caller{
      .container_id = "c1", .netns = "/other", .ifname = "eth0", .args = {{"Z", "1"}}};
  const auto cached = find_cached_config(cache, "net1", caller);
  ASSERT_TRUE(cached);
  EXPECT_EQ(cached->config, kConfig);
  EXPECT_EQ(cached->conf.args, full.conf.args);
  EXPECT_EQ(cached->conf.capability_args, full.conf.capability_args);
  EXPECT_EQ(cached->conf.netns, "/other");
  EXPECT_FALSE(find_cached_config(cache, "net2", caller));
  put("net3-c1-eth0", "{}");
  EXPECT_THROW(find_cached_config(cache, "net3", caller), cni::Error);
}

// R-098
TEST_F(Caching, R098_ListsValidFilesByNameAndExactContainer) {
  EXPECT_THAT(listed(), IsEmpty());
  cache.write(entry("net1", "c"));
  cache.write(entry("net1", "b-c"));
  cache.write(entry("a", "c"));
  put("bad-c-eth0", "{");
  put("legacy-c-eth0", "{}");
  EXPECT_THAT(listed(), testing::ElementsAre("a-c-eth0", "net1-b-c-eth0", "net1-c-eth0"));
  EXPECT_THAT(listed("c"), testing::ElementsAre("a-c-eth0", "net1-c-eth0"));
  EXPECT_THAT(listed("b-c"), testing::ElementsAre("net1-b-c-eth0"));
}

// R-099
TEST_F(Caching, R099_AttachmentsWhoseNamesCollideBothStay) {
  CacheEntry one = entry("a-b", "c");
  CacheEntry two = entry("a", "b-c");
  two.config = "{}";
  cache.write(one);
  cache.write(two);
  EXPECT_EQ(cache.find("a-b", one.conf)->config, kConfig);
  EXPECT_EQ(cache.find("a", two.conf)->config, "{}");
  EXPECT_EQ(cache.list().size(), 2u);
  EXPECT_TRUE(cache.remove("a", two.conf));
  EXPECT_TRUE(cache.find("a-b", one.conf));
  EXPECT_FALSE(cache.find("a", two.conf));
}

// R-100
TEST_F(Caching, R100_LongNamesAreFoundAgain) {
  for (const std::size_t length : {200u, 236u, 246u, 300u}) {
    CacheEntry longest = entry("net1", std::string(length, 'x'));
    cache.write(longest);
    ASSERT_TRUE(cache.find("net1", longest.conf)) << length;
    EXPECT_EQ(cache.list(longest.conf.container_id).size(), 1u);
    EXPECT_TRUE(cache.remove("net1", longest.conf));
  }
  EXPECT_THAT(listed(), IsEmpty());
  // A reference runtime writes up to 255 bytes in the open.
  CacheEntry theirs = entry("net1", std::string(245, 'x'));
  std::ofstream(results + "/net1-" + theirs.conf.container_id + "-eth0") << print_entry(theirs);
  EXPECT_TRUE(cache.find("net1", theirs.conf));
}

// R-101
TEST_F(Caching, R101_AnEntryKnowsItsBoot) {
  CacheEntry made = entry();
  EXPECT_FALSE(made.from_earlier_boot());
  made.boot_id = current_boot_id();
  ASSERT_NE(made.boot_id, "");
  EXPECT_FALSE(made.from_earlier_boot());
  made.boot_id = "00000000-0000-0000-0000-000000000000";
  EXPECT_TRUE(made.from_earlier_boot());
}

// R-135
TEST_F(Caching, R135_AnUnreadableFolderIsAnError) {
  files.file("a", "");
  EXPECT_THROW(cache.list(), std::system_error);
}

// R-045 R-120
TEST_F(Caching, R120_TheNetworkCanBeRebuilt) {
  CacheEntry made = entry();
  made.drop_ins = std::vector<CachedDropIn>{{"/x/10.conf", R"({"type":"pb"})"}};
  const NetworkList list = list_from_entry(made);
  ASSERT_EQ(list.plugins.size(), 2u);
  EXPECT_EQ(list.plugins[1].type, "pb");
  EXPECT_TRUE(list.plugins[1].drop_in);
  EXPECT_EQ(list.bytes, kConfig);
  made.config = R"({"cniVersion":"0.4.0","name":"net1","type":"pa"})";
  EXPECT_TRUE(list_from_entry(made).single);
}

}  // namespace
}  // namespace runtime
