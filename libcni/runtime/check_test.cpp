// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "tests/support/runtime_world.h"

namespace runtime {
namespace {

using nlohmann::json;
using test::thrown;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class Check : public test::RuntimeWorld {
 protected:
  void attach(const NetworkList& list) {
    cni().add(list, conf);
    rec.forget_calls();
  }
  void put(const std::string& text) const {
    std::filesystem::create_directories(results());
    files.file("cache/results/net1-c1-eth0", text);
  }
};

// R-123
TEST_F(Check, R123_OldVersionsAreATypedErrorEvenWhenDisabled) {
  for (const std::string keys : {"", R"("disableCheck":true,)"})
    EXPECT_STREQ(
        thrown<CheckUnsupported>([&] { cni().check(net1("0.3.1", "pa", keys), conf); }).what(),
        "configuration version \"0.3.1\" does not support the CHECK command");
  EXPECT_THROW(cni().check(net1("", "pa"), conf), CheckUnsupported);
  EXPECT_EQ(rec.log(), "");
}

// R-124
TEST_F(Check, R124_DisableCheckRunsNothing) {
  EXPECT_TRUE(cni().check(net1("1.0.0", "pa", R"("disableCheck":true,)"), conf).disabled);
  EXPECT_EQ(rec.log(), "");
}

// R-125 R-049
TEST_F(Check, R125_RunsInOrderWithTheFinalResultAndStops) {
  rec.play("pc.ADD", "stdout", R"({"cniVersion":"1.0.0","ips":[{"address":"10.9.9.9/24"}]})");
  attach(net1("1.0.0", "pa pb pc"));
  EXPECT_THAT(cni().check(net1("1.0.0", "pa pb pc"), conf).checked, ElementsAre("pa", "pb", "pc"));
  EXPECT_EQ(rec.log(), "pa.CHECK pb.CHECK pc.CHECK");
  EXPECT_EQ(request("pa.CHECK")["prevResult"]["ips"][0]["address"], "10.9.9.9/24");
  rec.forget_calls();
  fail_with("pb.CHECK", 100, "gone");
  // R-127
  EXPECT_STREQ(thrown<PluginError>([&] { cni().check(net1("1.0.0", "pa pb pc"), conf); }).what(),
               "plugin type=\"pb\" failed (check): gone");
  EXPECT_EQ(rec.log(), "pa.CHECK pb.CHECK");
}

// R-126 R-092
TEST_F(Check, R126_RefusesAnUnknownAttachmentUnlessForced) {
  const auto error = thrown<NotAttached>([&] { cni().check(net1("1.0.0", "pa"), conf); });
  EXPECT_THAT(error.what(), AllOf(HasSubstr("c1"), HasSubstr("net1")));
  EXPECT_EQ(rec.log(), "");
  options.force = true;
  cni().check(net1("1.0.0", "pa"), conf);
  EXPECT_FALSE(request("pa.CHECK").contains("prevResult"));
}

// R-128 R-052
TEST_F(Check, R128_ParametersDefaultToThoseOfAdd) {
  const auto list = net1("1.0.0", R"({"type":"pa","capabilities":{"mac":true}})");
  conf.args = {{"K", "V"}};
  conf.capability_args = {{"mac", "\"m\""}};
  attach(list);
  conf = {.container_id = "c1", .ifname = "eth0"};
  cni().check(list, conf);
  EXPECT_EQ(request("pa.CHECK")["runtimeConfig"]["mac"], "m");
  EXPECT_EQ(rec.calls().at(0).env("CNI_ARGS"), "K=V");
  EXPECT_EQ(rec.calls().at(0).env("CNI_NETNS"), "/run/netns/t");
}

// R-094
TEST_F(Check, R094_TheCachedResultIsConvertedOrRefused) {
  put(R"({"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.3.3.3/24"}]})");
  cni().check(net1("1.0.0", "pa"), conf);
  EXPECT_EQ(request("pa.CHECK")["prevResult"],
            json::parse(R"({"cniVersion":"1.0.0","ips":[{"address":"10.3.3.3/24"}]})"));
  put(R"({"cniVersion":"9.9.9"})");
  EXPECT_THROW(cni().check(net1("1.0.0", "pa"), conf), cni::Error);
}

// R-095
TEST_F(Check, R095_ACorruptEntryIsAnError) {
  put("");
  EXPECT_THAT(thrown<cni::Error>([&] { cni().check(net1("1.0.0", "pa"), conf); }).what(),
              HasSubstr("net1-c1-eth0"));
  EXPECT_EQ(rec.log(), "");
}

// R-152
TEST_F(Check, R152_WarnsAboutAChangedConfiguration) {
  attach(net1("1.0.0", "pa"));
  EXPECT_TRUE(cni().check(net1("1.0.0", "pa"), conf).warnings.empty());
  EXPECT_THAT(cni().check(net1("1.1.0", "pa"), conf).warnings,
              ElementsAre(HasSubstr("has changed")));
}

// R-117
TEST_F(Check, R117_NamesAreChecked) {
  conf.container_id = "../x";
  EXPECT_THROW(cni().check(net1("1.0.0", "pa"), conf), cni::Error);
}

class Status : public test::RuntimeWorld {};

// R-140
TEST_F(Status, R140_OldVersionsAreUnsupportedNotReady) {
  EXPECT_FALSE(cni().status(net1("1.0.0")).supported);
  EXPECT_EQ(rec.log(), "");
}

// R-141 R-055
TEST_F(Status, R141_StopsAtTheFirstWithItsCodeInTheOpen) {
  EXPECT_THAT(cni().status(net1("1.1.0")).ready, ElementsAre("pa", "pb"));
  EXPECT_EQ(request("pa.STATUS"),
            json::parse(R"({"cniVersion":"1.1.0","name":"net1","type":"pa"})"));
  rec.forget_calls();
  fail_with("pb.STATUS", 50, "full");
  const auto error = thrown<PluginError>([&] { cni().status(net1("1.1.0", "pa pb pc")); });
  EXPECT_EQ(error.code(), cni::Code::not_available);
  EXPECT_STREQ(error.what(), "full");
  EXPECT_EQ(error.call().type, "pb");
  EXPECT_EQ(rec.log(), "pa.STATUS pb.STATUS");
}

// R-142
TEST_F(Status, R142_AddMayRunAfterAFailedStatus) {
  fail_with("pa.STATUS", 50, "full");
  EXPECT_THROW(cni().status(net1("1.1.0")), PluginError);
  EXPECT_NO_THROW(cni().add(net1("1.1.0"), conf));
}

// R-143
TEST_F(Status, R143_HasAShortDeadlineAndNeedsNoCache) {
  EXPECT_EQ(options.status_timeout, std::chrono::seconds(5));
  options.status_timeout = std::chrono::milliseconds(200);
  options.cache_dir = files.file("file", "");
  rec.play("pa.STATUS", "sleep", "20000");
  EXPECT_THROW(cni().status(net1("1.1.0")), Timeout);
}

}  // namespace
}  // namespace runtime
