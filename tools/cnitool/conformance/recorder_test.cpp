// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/conformance/recorder.h"

#include <signal.h>

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "tools/cnitool/conformance/process.h"

namespace conformance {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class RecorderTest : public ::testing::Test {
 protected:
  RecorderTest() : top_(make_folder()), recorder_(top_ + "/bin", top_ + "/log") {
    recorder_.install("pa");
  }
  ~RecorderTest() override { fs::remove_all(top_); }

  static std::string make_folder() {
    std::string pattern = fs::temp_directory_path() / "recorder-XXXXXX";
    return mkdtemp(pattern.data());
  }

  Outcome call(const std::string& verb, const std::string& input = "{}") {
    ProcessSetup setup{recorder_.plugins() + "/pa"};
    setup.environment = {"CNI_COMMAND=" + verb, "FOO=bar",
                         std::string(kRecorderVariable) + "=" + recorder_.directory()};
    setup.input = input;
    return run_process(setup);
  }

  std::string top_;
  Recorder recorder_;
};

TEST_F(RecorderTest, RecordsArgumentsEnvironmentAndInput) {
  EXPECT_TRUE(call("DEL", "{\"a\": 1}\n").succeeded());
  const std::vector<json> calls = recorder_.calls();
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0]["name"], "pa");
  EXPECT_EQ(calls[0]["verb"], "DEL");
  EXPECT_EQ(calls[0]["stdin"], "{\"a\": 1}\n");
  EXPECT_EQ(calls[0]["env"]["FOO"], "bar");
  EXPECT_EQ(calls[0]["argv"], json::array({recorder_.plugins() + "/pa"}));
  EXPECT_EQ(calls[0]["fds"], json({0, 1, 2}));
}

TEST_F(RecorderTest, ReturnsAnAddressInTheRequestedVersion) {
  const json modern = json::parse(call("ADD", R"({"cniVersion":"1.1.0"})").out);
  EXPECT_EQ(modern["ips"][0]["address"], "10.77.0.2/24");
  const json old = json::parse(call("ADD", R"({"cniVersion":"0.2.0"})").out);
  EXPECT_EQ(old["ip4"]["ip"], "10.77.0.2/24");
}

TEST_F(RecorderTest, PassesPrevResultThrough) {
  const json previous = {{"cniVersion", "1.0.0"}, {"custom", {1, 2}}};
  const json request = {{"cniVersion", "1.0.0"}, {"prevResult", previous}};
  EXPECT_EQ(json::parse(call("ADD", request.dump()).out), previous);
  recorder_.play("pa", "ADD.mode", "dns");
  EXPECT_EQ(json::parse(call("ADD", request.dump()).out)["dns"]["nameservers"][0], "192.0.2.53");
}

TEST_F(RecorderTest, PlaysTheConfiguredFiles) {
  recorder_.play("pa", "CHECK.stdout", "out");
  recorder_.play("pa", "CHECK.stderr", "err");
  recorder_.play("pa", "CHECK.exit", "3");
  const Outcome outcome = call("CHECK");
  EXPECT_EQ(outcome.out, "out");
  EXPECT_EQ(outcome.err, "err");
  EXPECT_EQ(outcome.exit_code, 3);
}

TEST_F(RecorderTest, FailsTheNthCallOnly) {
  recorder_.play("pa", "DEL.2.exit", "1");
  EXPECT_EQ(call("DEL").exit_code, 0);
  EXPECT_EQ(call("DEL").exit_code, 1);
  EXPECT_EQ(call("DEL").exit_code, 0);
  EXPECT_EQ(recorder_.verbs(), "DEL DEL DEL");
  recorder_.reset();
  EXPECT_EQ(recorder_.verbs(), "");
}

TEST_F(RecorderTest, DiesOfTheSignalItIsGiven) {
  recorder_.play("pa", "ADD.signal", std::to_string(SIGKILL));
  EXPECT_EQ(call("ADD").signal, SIGKILL);
}

TEST_F(RecorderTest, LeavesAGrandchildBehind) {
  recorder_.play("pa", "ADD.grandchild", "1");
  const Outcome outcome = call("ADD");
  EXPECT_TRUE(outcome.succeeded());
  EXPECT_LT(outcome.took, std::chrono::seconds(1));
}

TEST_F(RecorderTest, ListsAllVersions) {
  EXPECT_EQ(json::parse(call("VERSION").out)["supportedVersions"].size(), 7U);
  recorder_.play("pa", "VERSION.stdout", R"({"cniVersion":"0.4.0","supportedVersions":["0.4.0"]})");
  EXPECT_EQ(json::parse(call("VERSION").out)["supportedVersions"].size(), 1U);
}

}  // namespace
}  // namespace conformance

/// The copies of this program are the recorders.
int main(int argc, char** argv) {
  conformance::maybe_act_as_recorder();
  conformance::seal_inherited_descriptors();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
