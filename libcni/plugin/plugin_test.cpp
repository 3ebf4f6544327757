// SPDX-License-Identifier: Apache-2.0
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/interrupt.h"
#include "libcni/base/sys_error.h"
#include "tests/support/plugin_process.h"

namespace cni {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

using PluginMain = test::PluginProcess;

// --- A8, A9

TEST_F(PluginMain, S084_OnlyAddAndVersionPrintAResult) {
  configure("1.1.0", R"(,"cni.dev/valid-attachments":[])");
  for (const char* verb : {"DEL", "CHECK", "GC", "STATUS"}) {
    EXPECT_EQ(run(verb), 0);
    EXPECT_EQ(output, "") << verb;
  }
}

TEST_F(PluginMain, S201_AnUnsetVerbSucceeds) {
  plugin.del = plugin.check = plugin.gc = plugin.status = {};
  for (const char* verb : {"DEL", "CHECK", "GC", "STATUS"}) EXPECT_EQ(run(verb), 0) << verb;
}

TEST_F(PluginMain, S089_UndoesAddWhenTheResultCannotBeWritten) {
  stdout_failure = [] { base::throw_errno("write standard output", ENOSPC); };
  EXPECT_EQ(run("ADD"), 1);
  EXPECT_THAT(calls, ElementsAre("ADD", "DEL"));
}

TEST_F(PluginMain, S089_UndoesAddWhenTheResultCannotBePrinted) {
  result = {};
  configure("0.2.0");
  const json error = failure_of("ADD");
  EXPECT_EQ(error.at("code"), 7);
  EXPECT_EQ(error.at("msg"), "cannot convert: no valid IP addresses");
  EXPECT_THAT(calls, ElementsAre("ADD", "DEL"));
}

TEST_F(PluginMain, S091_EveryFailureIsAnErrorObject) {
  failure = [] { base::throw_errno("create veth \"x\"", EEXIST); };
  json error = failure_of("ADD");
  EXPECT_EQ(error.at("code"), 999);
  EXPECT_EQ(error.at("msg"), "create veth \"x\": File exists");
  EXPECT_EQ(error.at("details"), "EEXIST: File exists");
  const std::string path(300, 'x');
  failure = [&] { base::throw_errno("open " + path, ENAMETOOLONG); };
  error = failure_of("ADD");  // S-112
  EXPECT_LT(error.at("msg").get<std::string>().size(), 200u);
  EXPECT_THAT(error.at("msg").get<std::string>(), testing::EndsWith(": File name too long"));
  EXPECT_THAT(error.at("details").get<std::string>(), testing::HasSubstr(path));
  failure = [&] { throw std::runtime_error("packets from " + path + " are not masqueraded"); };
  error = failure_of("CHECK");
  EXPECT_LT(error.at("msg").get<std::string>().size(), 200u);
  EXPECT_THAT(error.at("msg").get<std::string>(), testing::EndsWith(" are not masqueraded"));
  EXPECT_THAT(error.at("details").get<std::string>(), testing::HasSubstr(path));
  failure = [] { throw std::bad_alloc(); };
  EXPECT_EQ(code_of("ADD"), 999u);
  failure = [] { throw 5; };
  EXPECT_EQ(code_of("ADD"), 999u);
  failure = [] { base::throw_errno("write /var/lib/cni/x", ENOSPC); };  // S-101
  EXPECT_EQ(code_of("ADD"), 5u);
  EXPECT_THAT(calls, Not(testing::Contains("DEL")));  // a plugin undoes its own failures
}

TEST_F(PluginMain, S092_ATerminationIsTransient) {
  failure = [] {
    base::catch_termination_signals();
    ::raise(SIGTERM);
    base::throw_if_interrupted();
  };
  EXPECT_EQ(code_of("ADD"), 11u);
}

TEST_F(PluginMain, S092_ATerminationAfterTheWorkUndoesIt) {
  failure = [this] {
    base::catch_termination_signals();
    if (calls.back() == "ADD") ::raise(SIGTERM);
  };
  EXPECT_EQ(code_of("ADD"), 11u);
  EXPECT_THAT(calls, ElementsAre("ADD", "DEL"));
}

TEST_F(PluginMain, S096_ErrorsCarryTheRequestsVersionWhereItIsKnown) {
  failure = [] { throw Error(Code::invalid_config, "no"); };
  configure("0.4.0");
  EXPECT_EQ(failure_of("ADD").at("cniVersion"), "0.4.0");
  input = R"({"cniVersion":"0.4.0","name":"a b"})";
  EXPECT_EQ(failure_of("ADD").at("cniVersion"), "0.4.0");
  configure("9.9.9");
  EXPECT_EQ(failure_of("ADD").at("cniVersion"), "1.1.0");
  input = "{";
  EXPECT_EQ(failure_of("ADD").at("cniVersion"), "1.1.0");
  environment.erase("CNI_IFNAME");
  EXPECT_EQ(failure_of("ADD").at("cniVersion"), "1.1.0");
}

// S-110
TEST_F(PluginMain, S110_PassesErrorsOnUnchanged) {
  failure = [] { throw Error(123u, "m", "d"); };
  EXPECT_EQ(failure_of("ADD"),
            (json{{"cniVersion", "1.1.0"}, {"code", 123}, {"msg", "m"}, {"details", "d"}}));
}

// --- A15, A17

TEST_F(PluginMain, S193_AMalformedListStopsGc) {
  configure("1.1.0", R"(,"cni.dev/valid-attachments":{})");
  EXPECT_EQ(code_of("GC"), 7u);
  EXPECT_THAT(calls, IsEmpty());
  configure("1.1.0", R"(,"cni.dev/valid-attachments":[{"containerID":"c1","ifname":"eth0"}])");
  EXPECT_EQ(run("GC"), 0);
  EXPECT_THAT(attachments, ElementsAre(Attachment{"c1", "eth0"}));
}

// S-215 S-216 S-217
TEST_F(PluginMain, S216_PrevResultOfAnotherVersionIsConverted) {
  configure(
      "1.0.0",
      R"(,"prevResult":{"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.0.0.2/24"}]})");
  EXPECT_EQ(run("ADD"), 0);
  ASSERT_TRUE(prev_result);
  EXPECT_EQ(prev_result->ips.at(0).address.text(), "10.0.0.2/24");
  configure("0.2.0", R"(,"prevResult":{"ip4":{"ip":"10.0.0.2/24"}})");  // S-224
  EXPECT_EQ(run("ADD"), 0);
  EXPECT_EQ(prev_result->ips.size(), 1u);
  configure("1.0.0", R"(,"prevResult":null)");
  EXPECT_EQ(run("ADD"), 0);
  EXPECT_FALSE(prev_result);
  configure("1.0.0", R"(,"prevResult":{})");
  EXPECT_EQ(run("ADD"), 0);
  EXPECT_EQ(prev_result, Result{});
}

TEST_F(PluginMain, S217_AMalformedPrevResultIsCode6) {
  for (const char* value : {"[]", "\"x\"", R"({"ips":[null]})"}) {
    configure("1.0.0", R"(,"prevResult":)" + std::string(value));
    EXPECT_EQ(code_of("ADD"), 6u) << value;
    EXPECT_EQ(code_of("CHECK"), 6u) << value;
  }
  EXPECT_THAT(calls, IsEmpty());
}

TEST_F(PluginMain, S167_DelGoesOnWithoutAMalformedPrevResult) {
  for (const char* value : {"[]", R"({"ips":[null]})", R"({"cniVersion":"9.9.9"})"}) {
    configure("1.0.0", R"(,"prevResult":)" + std::string(value));
    EXPECT_EQ(run("DEL"), 0) << value;
    EXPECT_FALSE(prev_result);
  }
}

TEST_F(PluginMain, S218_AChainedPluginNeedsPrevResult) {
  plugin.chained = true;
  for (const char* verb : {"ADD", "CHECK"}) {
    const json error = failure_of(verb);
    EXPECT_EQ(error.at("code"), 7);
    EXPECT_EQ(error.at("msg"), "Required prevResult missing");
  }
  EXPECT_EQ(run("DEL"), 0);
  configure("1.1.0", R"(,"prevResult":{})");
  EXPECT_EQ(run("ADD"), 0);
}

}  // namespace
}  // namespace cni
