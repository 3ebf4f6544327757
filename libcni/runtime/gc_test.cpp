// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "tests/support/runtime_world.h"

namespace runtime {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Gc : public test::RuntimeWorld {
 protected:
  void attach(const NetworkList& list, const std::string& id, const std::string& ifname = "eth0") {
    conf.container_id = id;
    conf.ifname = ifname;
    cni().add(list, conf);
    rec.forget_calls();
  }
  static GcArgs keep(std::vector<cni::Attachment> list) { return {.valid = {std::move(list)}}; }
  std::size_t cached() const { return cni().cache().list().size(); }
};

// R-129
TEST_F(Gc, R129_DisableGcDoesNothing) {
  attach(net1("1.1.0"), "c1");
  EXPECT_TRUE(cni().gc(net1("1.1.0", "pa pb", R"("disableGC":true,)"), std::nullopt).disabled);
  EXPECT_EQ(rec.log(), "");
  EXPECT_EQ(cached(), 1u);
}

// R-130 R-131 R-138
TEST_F(Gc, R130_DeletesStaleAttachmentsThenRunsGcOfEveryPlugin) {
  conf.args = {{"K", "V"}};
  conf.capability_args = {{"mac", "\"m\""}};
  const auto list = net1("1.1.0", R"({"type":"pa","capabilities":{"mac":true}} pb)");
  attach(list, "c1");
  attach(list, "c2");
  const auto report = cni().gc(list, keep({{"c2", "eth0"}}));
  EXPECT_EQ(rec.log(), "pb.DEL pa.DEL pa.GC pb.GC");
  EXPECT_THAT(report.deleted, ElementsAre(cni::Attachment{"c1", "eth0"}));
  EXPECT_THAT(report.collected, ElementsAre("pa", "pb"));
  EXPECT_THAT(report.failures, IsEmpty());
  EXPECT_EQ(request("pa.DEL")["runtimeConfig"]["mac"], "m");
  EXPECT_TRUE(request("pa.DEL").contains("prevResult"));
  const auto seen = rec.calls_of("pa.DEL").at(0);
  EXPECT_EQ(seen.env("CNI_CONTAINERID"), "c1");
  EXPECT_EQ(seen.env("CNI_NETNS"), "/run/netns/t");
  EXPECT_EQ(seen.env("CNI_ARGS"), "K=V");
  EXPECT_EQ(cached(), 1u);
  // R-054 R-055 R-064
  const auto asked = request("pa.GC");
  EXPECT_EQ(asked["cni.dev/valid-attachments"],
            json::parse(R"([{"containerID":"c2","ifname":"eth0"}])"));
  EXPECT_EQ(asked["cni.dev/attachments"], asked["cni.dev/valid-attachments"]);
  EXPECT_FALSE(asked.contains("runtimeConfig") || asked.contains("prevResult"));
  EXPECT_EQ(rec.calls_of("pa.GC").at(0).env("CNI_CONTAINERID"), "");
}

// R-130: with the caller's configuration.
TEST_F(Gc, R130_TheCallersConfigurationIsUsed) {
  attach(net1("1.0.0", "pa"), "c1");
  const auto report = cni().gc(net1("1.0.0", "pc"), keep({}));
  // R-131: below 1.1.0 no plugin is called.
  EXPECT_EQ(rec.log(), "pc.DEL");
  EXPECT_FALSE(report.supported);
}

// R-130: GC leaves other networks alone.
TEST_F(Gc, R130_OtherNetworksStay) {
  const auto other =
      parse_list(R"({"cniVersion":"1.1.0","name":"net2","plugins":[{"type":"pa"}]})");
  attach(other, "c1");
  EXPECT_NO_THROW((void)cni().gc(net1("1.1.0", "pa"), std::nullopt));
  EXPECT_EQ(rec.log(), "pa.GC");
  EXPECT_EQ(cached(), 1u);
}

// R-132 R-084
TEST_F(Gc, R132_EveryFailureIsReported) {
  attach(net1("1.1.0", "pa pb pc"), "c1");
  attach(net1("1.1.0", "pa pb pc"), "c2");
  fail_with("pc.DEL.1", 7, "stuck");
  fail_with("pa.GC", 7, "one");
  fail_with("pc.GC", 100, "two");
  const auto report = cni().gc(net1("1.1.0", "pa pb pc"), std::nullopt);
  EXPECT_EQ(rec.log(), "pc.DEL pc.DEL pb.DEL pa.DEL pa.GC pb.GC pc.GC");
  ASSERT_EQ(report.failures.size(), 3u);
  EXPECT_EQ(report.failures[0].attachment, (cni::Attachment{"c1", "eth0"}));
  EXPECT_EQ(report.failures[0].plugin, "pc");
  EXPECT_EQ(report.failures[1].plugin, "pa");
  EXPECT_EQ(report.failures[2].code, 100u);
  EXPECT_EQ(report.error_text(),
            "failed to delete attachment c1 eth0: plugin type=\"pc\" failed (delete): stuck\n"
            "failed to GC plugin pa: one\nfailed to GC plugin pc: two");
  EXPECT_EQ(cached(), 1u);
}

// R-133
TEST_F(Gc, R133_NoArgumentsNoListAndAnEmptyListAllMeanNothingIsValid) {
  const std::string key = "cni.dev/valid-attachments";
  attach(net1("1.1.0", "pa"), "c1");
  EXPECT_EQ(cni().gc(net1("1.1.0", "pa"), std::nullopt).deleted.size(), 1u);
  EXPECT_FALSE(request("pa.GC").contains(key));
  rec.forget_calls();
  (void)cni().gc(net1("1.1.0", "pa"), GcArgs{});
  EXPECT_TRUE(request("pa.GC")[key].is_null());
  rec.forget_calls();
  (void)cni().gc(net1("1.1.0", "pa"), keep({}));
  EXPECT_EQ(request("pa.GC")[key], json::array());
}

// R-134
TEST_F(Gc, R134_MatchesPairsExactly) {
  attach(net1("1.0.0", "pa"), "c1", "eth0");
  attach(net1("1.0.0", "pa"), "c1", "eth1");
  EXPECT_THAT(cni().gc(net1("1.0.0", "pa"), keep({{"c1", "eth1"}})).deleted,
              ElementsAre(cni::Attachment{"c1", "eth0"}));
}

// R-135
TEST_F(Gc, R135_AnUnreadableCacheIsAnError) {
  std::filesystem::create_directories(options.cache_dir);
  files.file("cache/results", "no folder");
  EXPECT_THROW((void)cni().gc(net1("1.1.0"), std::nullopt), std::system_error);
  EXPECT_EQ(rec.log(), "");
}

// R-136
TEST_F(Gc, R136_ReportsARequestThatCannotBeBuiltAsAFailure) {
  const auto report = cni().gc(net1("1.1.0", "pa gone pc"), std::nullopt);
  EXPECT_EQ(rec.log(), "pa.GC pc.GC");
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].plugin, "gone");
  EXPECT_THAT(report.error_text(), HasSubstr("failed to find plugin \"gone\""));
}

// R-136
TEST_F(Gc, R136_AnUnusableCapabilityArgumentFailsOnlyItsAttachment) {
  const auto list = net1("1.1.0", R"({"type":"pa","capabilities":{"":true}})");
  CacheEntry entry;
  entry.network = "net1";
  entry.conf = conf;
  entry.config = list.bytes;
  entry.conf.capability_args = {{"", "1"}};
  cni().cache().write(entry);
  const auto report = cni().gc(list, std::nullopt);
  EXPECT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(rec.log(), "pa.GC");
}

// R-139
TEST_F(Gc, R139_RefusesAnotherOwnerUnlessForced) {
  attach(net1("1.1.0", "pa"), "c1");
  options.owner = "plumbd";
  EXPECT_THROW((void)cni().gc(net1("1.1.0", "pa"), std::nullopt), NotOwner);
  EXPECT_EQ(rec.log(), "");
  options.force = true;
  EXPECT_EQ(cni().gc(net1("1.1.0", "pa"), std::nullopt).deleted.size(), 1u);
  options.force = false;
  attach(net1("1.1.0", "pa"), "c1");
  EXPECT_EQ(cni().gc(net1("1.1.0", "pa"), std::nullopt).deleted.size(), 1u);
}

// R-101
TEST_F(Gc, R101_EntriesOfAnEarlierBootCanBeForgotten) {
  attach(net1("1.1.0", "pa"), "c1");
  auto entry = *cni().cache().find("net1", conf);
  entry.boot_id = "earlier";
  cni().cache().write(entry);
  EXPECT_THAT(cni().gc(net1("1.1.0", "pa"), keep({{"c1", "eth0"}})).deleted, IsEmpty());
  GcArgs args = keep({{"c1", "eth0"}});
  args.forget_earlier_boots = true;
  fail_with("pa.DEL", 7, "stuck");
  EXPECT_EQ(cni().gc(net1("1.1.0", "pa"), args).failures.size(), 1u);
  EXPECT_EQ(cached(), 0u);
}

TEST_F(Gc, ListsTheAttachmentsThatItWouldDelete) {
  attach(net1("1.1.0", "pa"), "c1");
  attach(net1("1.1.0", "pa"), "c2");
  const auto stale = cni().stale_attachments(net1("1.1.0", "pa"), keep({{"c2", "eth0"}}));
  ASSERT_EQ(stale.size(), 1u);
  EXPECT_EQ(stale[0].conf.container_id, "c1");
  EXPECT_EQ(rec.log(), "");
}

}  // namespace
}  // namespace runtime
