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
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Add : public test::RuntimeWorld {
 protected:
  std::optional<std::string> cached() const { return base::find_file(cache_file()); }
};

// R-103 R-048 R-047 R-111
TEST_F(Add, R103_RunsInOrderAndHandsTheResultOn) {
  rec.play("pa.ADD", "stdout", R"({"cniVersion":"1.1.0","ips":[{"address":"10.1.1.1/24"}]})");
  const auto report = cni().add(net1("1.1.0", "pa pb pc"), conf);
  EXPECT_EQ(rec.log(), "pa.ADD pb.ADD pc.ADD");
  EXPECT_FALSE(request("pa.ADD").contains("prevResult"));
  const auto second = request("pb.ADD");
  EXPECT_EQ(second["prevResult"],
            json::parse(R"({"cniVersion":"1.1.0","ips":[{"address":"10.1.1.1/24"}]})"));
  EXPECT_EQ(second["name"], "net1");
  EXPECT_EQ(second["cniVersion"], "1.1.0");
  EXPECT_EQ(report.steps.size(), 3u);
  const auto calls = rec.calls();
  for (const char* name :
       {"CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH"})
    EXPECT_EQ(calls[0].env(name), calls[2].env(name));
}

// R-103 R-084 R-090
TEST_F(Add, R103_StopsAtTheFirstErrorAndKeepsNoEntry) {
  fail_with("pb.ADD", 123, "no room");
  const auto error = thrown<PluginError>([&] { cni().add(net1("1.0.0", "pa pb pc"), conf); });
  EXPECT_EQ(rec.log(), "pa.ADD pb.ADD");
  EXPECT_STREQ(error.what(), "plugin type=\"pb\" failed (add): no room");
  EXPECT_EQ(static_cast<unsigned>(error.code()), 123u);
  EXPECT_FALSE(cached());
}

// R-084
TEST_F(Add, R084_ThePrefixHasThePluginsOwnName) {
  fail_with("pa.ADD", 7, "no");
  const auto error =
      thrown<PluginError>([&] { cni().add(net1("1.0.0", R"({"type":"pa","name":"own"})"), conf); });
  EXPECT_STREQ(error.what(), "plugin type=\"pa\" name=\"own\" failed (add): no");
}

// R-050
TEST_F(Add, R050_AResultOfAnotherVersionIsConvertedForTheNext) {
  rec.play("pa.ADD", "stdout", R"({"cniVersion":"0.2.0","ip4":{"ip":"10.1.1.1/24"}})");
  cni().add(net1("1.0.0"), conf);
  EXPECT_EQ(request("pb.ADD")["prevResult"],
            json::parse(R"({"cniVersion":"1.0.0","ips":[{"address":"10.1.1.1/24"}]})"));
}

// R-107
TEST_F(Add, R107_TheResultIsInTheSelectedVersion) {
  rec.play("pa.ADD", "stdout", R"({"cniVersion":"1.0.0","ips":[{"address":"10.1.1.1/24"}]})");
  const auto report = cni().add(net1("0.4.0", "pa"), conf);
  EXPECT_EQ(report.version, "0.4.0");
  EXPECT_EQ(
      json::parse(report.result_text),
      json::parse(
          R"({"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.1.1.1/24"}],"dns":{}})"));
}

// Below 0.3.0 an empty result has no format, but plugins do send it.
TEST_F(Add, AnEmptyResultPassesInOldVersions) {
  rec.play("pa.ADD", "stdout", "{}");
  rec.play("pb.ADD", "stdout", "{}");
  EXPECT_THAT(cni().add(net1("0.2.0"), conf).result_text, HasSubstr("0.2.0"));
}

// R-085
TEST_F(Add, R085_UnknownMembersSurviveTheChain) {
  rec.play(
      "pa.ADD", "stdout",
      R"({"cniVersion":"1.0.0","custom":{"deep":[1]},"ips":[{"address":"10.1.1.1/24","x":1}]})");
  const auto report = cni().add(net1("1.0.0"), conf);
  const auto expected = json::parse(R"({"deep":[1]})");
  EXPECT_EQ(request("pb.ADD")["prevResult"]["custom"], expected);
  EXPECT_EQ(request("pb.ADD")["prevResult"]["ips"][0]["x"], 1);
  EXPECT_EQ(json::parse(report.result_text)["custom"], expected);
  EXPECT_EQ(json::parse(*cached())["result"]["custom"], expected);
}

// R-090 R-155
TEST_F(Add, R155_TheEntryHasTheInputOfCheckAndDel) {
  conf.args = {{"K", "V"}};
  conf.capability_args = {{"mac", "\"02:00:00:00:00:01\""}, {"unused", "1"}};
  const auto list = net1("1.1.0", R"({"type":"pa","capabilities":{"mac":true}})");
  cni().add(list, conf);
  EXPECT_EQ(request("pa.ADD")["runtimeConfig"], json::parse(R"({"mac":"02:00:00:00:00:01"})"));
  const auto entry = cni().cache().find("net1", conf);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->config, list.bytes);
  EXPECT_EQ(entry->conf.args, conf.args);
  EXPECT_EQ(entry->conf.capability_args, conf.capability_args);
  EXPECT_EQ(json::parse(*entry->result),
            json::parse(R"({"cniVersion":"1.1.0","ips":[{"address":"10.0.0.2/24"}]})"));
}

// R-087
TEST_F(Add, R087_TheLibrarysCacheBeatsTheCallers) {
  conf.cache_dir = files / "other";
  cni().add(net1("1.0.0", "pa"), conf);
  EXPECT_TRUE(cached());
  EXPECT_FALSE(std::filesystem::exists(conf.cache_dir));
  options.cache_dir.clear();
  cni().add(net1("1.0.0", "pa"), conf);
  EXPECT_TRUE(std::filesystem::exists(conf.cache_dir + "/results/net1-c1-eth0"));
}

// R-091
TEST_F(Add, R091_WithoutAnEntryTheAttachmentIsUndone) {
  std::filesystem::create_directories(options.cache_dir);
  files.file("cache/results", "a file in the folder's place");
  EXPECT_THROW(cni().add(net1("1.0.0"), conf), std::system_error);
  EXPECT_EQ(rec.log(), "pa.ADD pb.ADD pb.DEL pa.DEL");
}

// R-104
TEST_F(Add, R104_BinaryThenContainerThenNetworkThenIfname) {
  const auto code = [&](const NetworkList& list) {
    return static_cast<unsigned>(thrown<cni::Error>([&] { cni().add(list, conf); }).code());
  };
  conf = {};
  EXPECT_STREQ(thrown<PluginNotFound>([&] { cni().add(net1("1.0.0", "gone"), conf); }).what(),
               ("plugin type=\"gone\" failed (add): failed to find plugin \"gone\" in path [" +
                rec.dir() + "]")
                   .c_str());
  NetworkList list = net1("1.0.0");
  list.name = "../evil";
  EXPECT_EQ(code(list), 3u);
  conf.container_id = "-c1";
  EXPECT_EQ(code(list), 4u);
  conf.container_id = "c1";
  EXPECT_EQ(code(list), 7u);
  list.name = "net1";
  EXPECT_EQ(code(list), 4u);
  conf.ifname = "a/b";
  EXPECT_EQ(code(list), 4u);
  EXPECT_EQ(rec.log(), "");
}

// R-105
TEST_F(Add, R105_NothingRunsWhenAnExecutableIsMissing) {
  EXPECT_THROW(cni().add(net1("1.0.0", "pa gone"), conf), PluginNotFound);
  conf.ifname = "much-too-long-a-name";
  EXPECT_THROW(cni().add(net1("1.0.0"), conf), cni::Error);
  EXPECT_EQ(rec.log(), "");
}

// R-106 R-108 R-151
TEST_F(Add, R106_AFailedAddIsRolledBackWhenAsked) {
  options.rollback = true;
  fail_with("pb.ADD", 7, "no");
  EXPECT_THROW(cni().add(net1("1.0.0"), conf), PluginError);
  EXPECT_EQ(rec.log(), "pa.ADD pb.ADD pb.DEL pa.DEL");
  for (const std::string call : {"pa.DEL", "pb.DEL"})
    EXPECT_EQ(request(call)["prevResult"]["ips"][0]["address"], "10.0.0.2/24");
  EXPECT_THAT(notes, HasSubstr("rolled back"));
  EXPECT_FALSE(cached());
}

// R-106: rolls the whole list back, also plugins that did not run; an error of the roll-back does
// not hide the first error.
TEST_F(Add, R106_RollbackCoversTheWholeListAndKeepsTheFirstError) {
  options.rollback = true;
  fail_with("pa.ADD", 7, "first");
  fail_with("pb.DEL", 7, "second");
  const auto error = thrown<PluginError>([&] { cni().add(net1("1.0.0"), conf); });
  EXPECT_THAT(error.what(), HasSubstr("first"));
  EXPECT_EQ(rec.log(), "pa.ADD pb.DEL");
  EXPECT_THAT(notes, HasSubstr("roll-back failed: plugin type=\"pb\" failed (delete): second"));
}

// R-072
TEST_F(Add, R072_RollbackHasADeadlineOfItsOwn) {
  options.rollback = true;
  options.timeout = std::chrono::milliseconds(700);
  rec.play("pa.ADD", "sleep", "20000");
  EXPECT_THROW(cni().add(net1("1.0.0", "pa"), conf), Timeout);
  EXPECT_EQ(rec.log(), "pa.ADD pa.DEL");
  EXPECT_THAT(notes, AllOf(HasSubstr("rolled back"), Not(HasSubstr("roll-back failed"))));
}

// R-070: one deadline for the whole operation.
TEST_F(Add, R070_TheDeadlineSpansTheChain) {
  options.timeout = std::chrono::milliseconds(1000);
  rec.play("pa.ADD", "sleep", "700");
  rec.play("pb.ADD", "sleep", "700");
  EXPECT_EQ(thrown<Timeout>([&] { cni().add(net1("1.0.0"), conf); }).call().type, "pb");
}

// R-109
TEST_F(Add, R109_AnEmptyListIsAnError) {
  EXPECT_THROW(cni().add(parse_list(R"({"cniVersion":"1.0.0","name":"net1"})"), conf), cni::Error);
  EXPECT_FALSE(cached());
}

// R-110
TEST_F(Add, R110_ASecondAddIsRefusedUnlessForced) {
  cni().add(net1("1.0.0", "pa"), conf);
  EXPECT_THAT(thrown<AlreadyAttached>([&] { cni().add(net1("1.0.0", "pa"), conf); }).what(),
              AllOf(HasSubstr("c1"), HasSubstr("net1"), HasSubstr("eth0")));
  EXPECT_EQ(rec.log(), "pa.ADD");
  options.force = true;
  cni().add(net1("1.0.0", "pa"), conf);
  EXPECT_EQ(rec.log(), "pa.ADD pa.ADD");
}

// R-101 R-110
TEST_F(Add, R101_AnEntryOfAnEarlierBootIsReplaced) {
  cni().add(net1("1.0.0", "pa"), conf);
  auto entry = *cni().cache().find("net1", conf);
  entry.boot_id = "earlier";
  cni().cache().write(entry);
  EXPECT_THAT(cni().add(net1("1.0.0", "pa"), conf).warnings,
              testing::ElementsAre(HasSubstr("earlier boot")));
  EXPECT_FALSE(cni().cache().find("net1", conf)->from_earlier_boot());
}

// R-016
TEST_F(Add, R016_ALoneUnknownVersionReachesThePlugins) {
  rec.play("pa.ADD", "stdout", R"({"cniVersion":"1.1.0"})");
  cni().add(net1("1.2.3", "pa"), conf);
  EXPECT_EQ(request("pa.ADD")["cniVersion"], "1.2.3");
}

// R-019
TEST_F(Add, R019_AMalformedVersionRunsNothing) {
  EXPECT_EQ(thrown<cni::Error>([&] { cni().add(net1("1.0.0.0", "pa"), conf); }).code(),
            cni::Code::incompatible_version);
  EXPECT_EQ(rec.log(), "");
}

// R-021
TEST_F(Add, R021_TheVersionEveryPluginHasCanBeChosen) {
  options.common_version = true;
  rec.play("pb.VERSION", "stdout",
           R"({"cniVersion":"0.4.0","supportedVersions":["0.3.1","0.4.0"]})");
  const auto list = net1("", "pa pb", R"("cniVersions":["0.3.1","0.4.0","1.0.0"],)");
  EXPECT_EQ(cni().add(list, conf).version, "0.4.0");
  EXPECT_EQ(request("pa.ADD")["cniVersion"], "0.4.0");
  EXPECT_THAT(thrown<cni::Error>([&] { cni().common_version(net1("1.0.0")); }).what(),
              HasSubstr("no version in common"));
}

// R-044 R-046
TEST_F(Add, R044_DropInsAreTreatedLikeInlinePlugins) {
  std::filesystem::create_directories(files / "net.d/net1");
  files.file("net.d/x.conflist",
             R"({"cniVersion":"1.0.0","name":"net1","plugins":[{"type":"pa"}]})");
  files.file("net.d/net1/10.conf", R"({"type":"pb","name":"own","capabilities":{"mac":true}})");
  conf.capability_args = {{"mac", "\"m\""}};
  cni().add(load_network(files / "net.d", "net1"), conf);
  const auto made = request("pb.ADD");
  EXPECT_EQ(made["name"], "net1");
  EXPECT_EQ(made["cniVersion"], "1.0.0");
  EXPECT_EQ(made["runtimeConfig"]["mac"], "m");
  EXPECT_EQ(made["prevResult"]["ips"][0]["address"], "10.0.0.2/24");
}

// R-156
TEST_F(Add, R156_TryAgainLaterIsRepeatedWhenAsked) {
  rec.play("pa.ADD.1", "stdout", R"({"code":11,"msg":"later"})");
  rec.play("pa.ADD.1", "exit", "1");
  rec.play("pa.ADD.2", "stdout", R"({"code":11,"msg":"later"})");
  rec.play("pa.ADD.2", "exit", "1");
  EXPECT_EQ(thrown<PluginError>([&] { cni().add(net1("1.0.0", "pa"), conf); }).code(),
            cni::Code::try_again_later);
  rec.forget_calls();
  options.retry = {.attempts = 3, .delay = std::chrono::milliseconds(10)};
  cni().add(net1("1.0.0", "pa"), conf);
  EXPECT_EQ(rec.log(), "pa.ADD pa.ADD pa.ADD");
  EXPECT_THAT(notes, HasSubstr("trying again"));
}

// R-156: other codes are final, and attempts are bounded.
TEST_F(Add, R156_RepeatsOnlyCode11AndOnlyAFewTimes) {
  options.retry = {.attempts = 2, .delay = std::chrono::milliseconds(10)};
  fail_with("pa.ADD", 7, "no");
  EXPECT_THROW(cni().add(net1("1.0.0", "pa"), conf), PluginError);
  EXPECT_EQ(rec.log(), "pa.ADD");
  rec.forget_calls();
  fail_with("pa.ADD", 11, "later");
  EXPECT_THROW(cni().add(net1("1.0.0", "pa"), conf), PluginError);
  EXPECT_EQ(rec.log(), "pa.ADD pa.ADD");
}

// R-154: plugins run in the namespace of the caller.
TEST_F(Add, R154_PluginsRunInOurOwnNamespace) {
  conf.netns = "/run/netns/does-not-exist";
  EXPECT_NO_THROW(cni().add(net1("1.0.0", "pa"), conf));
  EXPECT_EQ(rec.calls().at(0).env("CNI_NETNS"), conf.netns);
  EXPECT_FALSE(std::filesystem::exists(conf.netns));
}

}  // namespace
}  // namespace runtime
