// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "libcni/base/file.h"
#include "libcni/runtime/conf_dir.h"
#include "tests/support/runtime_world.h"

namespace runtime {
namespace {

using nlohmann::json;
using test::thrown;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Del : public test::RuntimeWorld {
 protected:
  void attach(const NetworkList& list) {
    cni().add(list, conf);
    rec.forget_calls();
  }
  bool cached() const { return std::filesystem::exists(cache_file()); }
  void put(const std::string& text) const {
    std::filesystem::create_directories(results());
    files.file("cache/results/net1-c1-eth0", text);
  }
};

// R-112 R-049 R-115
TEST_F(Del, R112_RunsInReverseOrderWithTheFinalResult) {
  rec.play("pc.ADD", "stdout", R"({"cniVersion":"1.1.0","ips":[{"address":"10.9.9.9/24"}]})");
  attach(net1("1.1.0", "pa pb pc"));
  const auto report = cni().del(net1("1.1.0", "pa pb pc"), conf);
  EXPECT_EQ(rec.log(), "pc.DEL pb.DEL pa.DEL");
  EXPECT_TRUE(report.was_attached);
  for (const std::string call : {"pa.DEL", "pb.DEL", "pc.DEL"})
    EXPECT_EQ(request(call)["prevResult"]["ips"][0]["address"], "10.9.9.9/24");
  EXPECT_FALSE(cached());
}

// R-113 R-114 R-084
TEST_F(Del, R113_StopsAtTheFirstErrorAndKeepsTheEntry) {
  attach(net1("1.0.0", "pa pb pc"));
  fail_with("pb.DEL", 7, "no");
  const auto error = thrown<PluginError>([&] { cni().del(net1("1.0.0", "pa pb pc"), conf); });
  EXPECT_STREQ(error.what(), "plugin type=\"pb\" failed (delete): no");
  EXPECT_EQ(rec.log(), "pc.DEL pb.DEL");
  EXPECT_TRUE(cached());
}

TEST_F(Del, ContinuesAfterAnErrorWhenConfigured) {
  options.continue_on_error = true;
  fail_with("pc.DEL", 7, "first");
  fail_with("pb.DEL", 7, "second");
  EXPECT_THAT(thrown<PluginError>([&] { cni().del(net1("1.0.0", "pa pb pc"), conf); }).what(),
              HasSubstr("first"));
  EXPECT_EQ(rec.log(), "pc.DEL pb.DEL pa.DEL");
  EXPECT_THAT(notes, HasSubstr("second"));
}

// R-116 R-121
TEST_F(Del, R116_DeletesAnUnknownAttachmentWithoutPrevResult) {
  const auto report = cni().del(net1("1.0.0"), conf);
  EXPECT_FALSE(report.was_attached);
  EXPECT_EQ(rec.log(), "pb.DEL pa.DEL");
  EXPECT_FALSE(request("pa.DEL").contains("prevResult"));
  EXPECT_NO_THROW(cni().del(net1("1.0.0"), conf));
}

// R-049 R-118
TEST_F(Del, R049_OldVersionsGetNoPrevResult) {
  attach(net1("0.3.1"));
  cni().del(net1("0.3.1"), conf);
  EXPECT_FALSE(request("pa.DEL").contains("prevResult"));
  EXPECT_FALSE(cached());
}

// R-118
TEST_F(Del, R118_AMalformedVersionStopsNoDel) {
  cni().del(net1("1.0.0.0"), conf);
  EXPECT_EQ(rec.log(), "pb.DEL pa.DEL");
  EXPECT_FALSE(request("pa.DEL").contains("prevResult"));
}

// R-093 R-094
TEST_F(Del, R093_ALegacyEntryIsConverted) {
  put(R"({"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.3.3.3/24"}]})");
  cni().del(net1("1.0.0"), conf);
  EXPECT_EQ(request("pa.DEL")["prevResult"],
            json::parse(R"({"cniVersion":"1.0.0","ips":[{"address":"10.3.3.3/24"}]})"));
  EXPECT_FALSE(cached());
}

// R-094 R-095
TEST_F(Del, R095_ACorruptEntryIsDroppedWithAWarning) {
  for (const std::string text :
       {"", "garbage", R"({"cniVersion":"9.9.9"})",
        R"({"kind":"cniCacheV1","networkName":"net1","containerId":"c1",)"
        R"("ifName":"eth0","result":{"cniVersion":"9.9.9"}})",
        R"({"kind":"cniCacheV1","networkName":"net1","containerId":"c1","ifName":"eth0",)"
        R"("plumb":{"dropIns":[{"config":"e30="}]}})"}) {
    put(text);
    rec.forget_calls();
    EXPECT_THAT(cni().del(net1("1.0.0"), conf).warnings, Contains(HasSubstr("continuing without")))
        << text;
    EXPECT_FALSE(request("pa.DEL").contains("prevResult"));
    EXPECT_FALSE(cached());
  }
}

// R-102: a file as the reference writes it, without our member.
TEST_F(Del, R102_DelUsesAnEntryOfAnotherRuntime) {
  put(R"({"kind":"cniCacheV1","containerId":"c1","config":"e30=","ifName":"eth0","networkName":"net1","netns":"/run/netns/t","cniArgs":[["A","B"]],"capabilityArgs":{"mac":"m"},"result":{"cniVersion":"1.1.0","ips":[{"address":"10.0.0.2/24"}]}})");
  cni().del(net1("1.1.0", R"({"type":"pa","capabilities":{"mac":true}})"), conf);
  EXPECT_EQ(request("pa.DEL")["prevResult"]["ips"][0]["address"], "10.0.0.2/24");
  EXPECT_EQ(request("pa.DEL")["runtimeConfig"]["mac"], "m");
  EXPECT_EQ(rec.calls().at(0).env("CNI_ARGS"), "A=B");
  EXPECT_FALSE(cached());
}

// R-052
TEST_F(Del, R052_ArgumentsDefaultToThoseOfAdd) {
  const auto list = net1("1.0.0", R"({"type":"pa","capabilities":{"mac":true}})");
  conf.args = {{"K", "V"}};
  conf.capability_args = {{"mac", "\"m\""}};
  attach(list);
  conf.args.clear();
  conf.capability_args.clear();
  cni().del(list, conf);
  EXPECT_EQ(request("pa.DEL")["runtimeConfig"]["mac"], "m");
  EXPECT_EQ(rec.calls().at(0).env("CNI_ARGS"), "K=V");
  rec.forget_calls();
  attach(list);
  conf.capability_args = {{"mac", "\"callers\""}};
  cni().del(list, conf);
  EXPECT_EQ(request("pa.DEL")["runtimeConfig"]["mac"], "callers");
}

// R-117
TEST_F(Del, R117_WarnsAboutInvalidNames) {
  for (const RuntimeConf& odd :
       {RuntimeConf{.container_id = "", .ifname = "eth0"},
        RuntimeConf{.container_id = "../x", .ifname = "eth0"},
        RuntimeConf{.container_id = "c1", .ifname = "much-too-long-a-name"}}) {
    rec.forget_calls();
    EXPECT_THAT(cni().del(net1("1.0.0"), odd).warnings,
                Contains(HasSubstr("deleting all the same")));
    EXPECT_EQ(rec.log(), "pb.DEL pa.DEL");
  }
}

// R-119
TEST_F(Del, R119_AMissingPluginStopsDelUnlessItMayBeSkipped) {
  const auto list = net1("1.0.0", "pa gone pc");
  const auto error = thrown<PluginNotFound>([&] { cni().del(list, conf); });
  EXPECT_THAT(error.what(), HasSubstr("failed (delete): failed to find plugin \"gone\" in path ["));
  EXPECT_THAT(error.details(), HasSubstr("skip"));
  EXPECT_EQ(rec.log(), "pc.DEL");
  rec.forget_calls();
  options.skip_missing = true;
  const auto report = cni().del(list, conf);
  EXPECT_EQ(rec.log(), "pc.DEL pa.DEL");
  EXPECT_THAT(report.skipped, ElementsAre("gone"));
}

// R-120: the caller's configuration is used, not the cached one.
TEST_F(Del, R120_UsesTheCallersConfiguration) {
  attach(net1("1.0.0", "pa pb"));
  const auto report = cni().del(net1("1.0.0", "pc"), conf);
  EXPECT_EQ(rec.log(), "pc.DEL");
  // R-152
  EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("has changed")));
}

// R-120
TEST_F(Del, R120_UsesTheCachedConfigurationWhenTheFileIsGone) {
  attach(net1("1.0.0", "pa pb"));
  const auto entries = cni().cache().list("c1");
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_THAT(cni().del(list_from_entry(entries[0]), entries[0].conf).warnings, IsEmpty());
  EXPECT_EQ(rec.log(), "pb.DEL pa.DEL");
  EXPECT_FALSE(cached());
}

// R-122
TEST_F(Del, R122_TheNamespaceMayBeEmptyOrGone) {
  attach(net1("1.0.0", "pa"));
  conf.netns.clear();
  cni().del(net1("1.0.0", "pa"), conf);
  EXPECT_EQ(rec.calls().at(0).env("CNI_NETNS"), "");
}

// R-109: success without doing anything would lose the entry and leak the attachment.
TEST_F(Del, R109_AListWithoutPluginsIsAnError) {
  attach(net1("1.0.0", "pa"));
  EXPECT_THROW(cni().del(parse_list(R"({"cniVersion":"1.0.0","name":"net1"})"), conf), cni::Error);
  EXPECT_TRUE(cached());
}

// R-045
TEST_F(Del, R045_DeletesDropInsOfTheAddWhenTheirFilesAreGone) {
  std::filesystem::create_directories(files / "net.d/net1");
  files.file("net.d/x.conflist",
             R"({"cniVersion":"1.0.0","name":"net1","plugins":[{"type":"pa"}]})");
  files.file("net.d/net1/10.conf", R"({"type":"pb"})");
  attach(load_network(files / "net.d", "net1"));
  std::filesystem::remove(files / "net.d/net1/10.conf");
  files.file("net.d/net1/20.conf", R"({"type":"pc"})");
  const auto report = cni().del(load_network(files / "net.d", "net1"), conf);
  EXPECT_EQ(rec.log(), "pb.DEL pa.DEL");
  // R-152
  EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("has changed")));
}

// R-101
TEST_F(Del, R101_DelUsesAnEntryOfAnEarlierBoot) {
  attach(net1("1.0.0", "pa"));
  auto entry = *cni().cache().find("net1", conf);
  entry.boot_id = "earlier";
  cni().cache().write(entry);
  cni().del(net1("1.0.0", "pa"), conf);
  EXPECT_TRUE(request("pa.DEL").contains("prevResult"));
  EXPECT_FALSE(cached());
}

}  // namespace
}  // namespace runtime
