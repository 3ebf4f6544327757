// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/exec.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "libcni/base/file.h"
#include "libcni/base/unique_fd.h"
#include "libcni/runtime/errors.h"
#include "tests/support/runtime_world.h"

namespace runtime {
namespace {

using std::chrono::milliseconds;
using test::thrown;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class Exec : public test::RuntimeWorld {
 protected:
  PluginCall call(const std::string& verb, Deadline deadline = {}) const {
    return {.type = "pa",
            .verb = verb,
            .input = R"({"cniVersion":"1.1.0"})",
            .conf = conf,
            .deadline = deadline};
  }
  Executor executor() const { return Executor(options.exec); }
  cni::Result add(const std::string& output, const std::string& version = "1.0.0") const {
    rec.play("pa.ADD", "stdout", output);
    return executor().run_add(call("ADD"), version);
  }
  std::string add_error(const std::string& output, const std::string& version = "1.0.0") const {
    return thrown<PluginError>([&] { add(output, version); }).what();
  }
  PluginError failure(const std::string& output, const std::string& errors = "",
                      int status = 1) const {
    rec.play("pa.STATUS", "stdout", output);
    rec.play("pa.STATUS", "stderr", errors);
    rec.play("pa.STATUS", "exit", std::to_string(status));
    return thrown<PluginError>([&] { executor().run_checked(call("STATUS")); });
  }
  VersionInfo version(const std::string& output) const {
    rec.play("pa.VERSION", "stdout", output);
    return executor().version_info("pa");
  }
};

// R-063 R-064 R-065 R-066
TEST_F(Exec, R063_EnvironmentIsTheCallersPlusTheSixVariables) {
  ::setenv("CNI_IFNAME", "zzz", 1);
  ::setenv("PLUMB_TEST_INHERITED", "yes", 1);
  conf.args = {{"A", "1"}, {"B", "2"}};
  options.exec.plugin_dirs = {rec.dir(), "/nowhere"};
  executor().run(call("ADD"));
  ::unsetenv("CNI_IFNAME");
  ::unsetenv("PLUMB_TEST_INHERITED");
  const auto seen = rec.calls().at(0);
  EXPECT_EQ(seen.env("CNI_COMMAND"), "ADD");
  EXPECT_EQ(seen.env("CNI_CONTAINERID"), "c1");
  EXPECT_EQ(seen.env("CNI_NETNS"), "/run/netns/t");
  EXPECT_EQ(seen.env("CNI_IFNAME"), "eth0");
  EXPECT_EQ(seen.env("CNI_ARGS"), "A=1;B=2");
  EXPECT_EQ(seen.env("CNI_PATH"), rec.dir() + ":/nowhere");
  EXPECT_EQ(seen.env("PLUMB_TEST_INHERITED"), "yes");
  EXPECT_EQ(seen.env("TRACEPARENT"), "(unset)");
  EXPECT_THAT(seen.argv, ElementsAre(rec.dir() + "/pa"));
  EXPECT_EQ(seen.input, R"({"cniVersion":"1.1.0"})");
}

// R-064
TEST_F(Exec, R064_VariablesThatDoNotApplyAreEmpty) {
  conf = {};
  executor().run(call("GC"));
  for (const char* name : {"CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS"})
    EXPECT_EQ(rec.calls().at(0).env(name), "") << name;
}

// R-067
TEST_F(Exec, R067_MegabytesOnBothStreamsDoNotBlock) {
  const std::string much(1 << 20, 'x');
  std::string streamed;
  options.exec.observer.on_stderr = [&](const PluginRun&, std::string_view chunk) {
    streamed += chunk;
  };
  rec.play("pa.STATUS", "stdout", much);
  rec.play("pa.STATUS", "stderr", much);
  const auto done = executor().run_checked(call("STATUS"));
  EXPECT_EQ(done.output, much);
  EXPECT_EQ(done.errors, much);
  EXPECT_EQ(streamed, much);
}

// R-068
TEST_F(Exec, R068_StderrOfAFailureIsStreamedAndKept) {
  std::string streamed;
  options.exec.observer.on_stderr = [&](const PluginRun&, std::string_view chunk) {
    streamed += chunk;
  };
  const auto error = failure(R"({"code":7,"msg":"no"})", "because");
  EXPECT_EQ(error.stderr_text(), "because");
  EXPECT_EQ(streamed, "because");
  EXPECT_EQ(error.code(), cni::Code::invalid_config);
}

// R-069
TEST_F(Exec, R069_ABusyExecutableIsTriedAgain) {
  const std::string path = rec.dir() + "/busy";
  std::filesystem::copy_file("/bin/true", path);
  base::UniqueFd writer(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  std::thread closer([&] {
    ::poll(nullptr, 0, 300);
    writer = {};
  });
  PluginCall busy = call("DEL");
  busy.type = "busy";
  EXPECT_EQ(executor().run(busy).exit_code, 0);
  closer.join();
}

// R-070 R-071
TEST_F(Exec, R070_TheDeadlineKillsThePluginAndSaysSo) {
  rec.play("pa.ADD", "sleep", "20000");
  const auto start = std::chrono::steady_clock::now();
  const auto error = thrown<Timeout>(
      [&] { executor().run_add(call("ADD", Deadline::after(milliseconds(1000))), "1.0.0"); });
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4));
  EXPECT_THAT(error.what(),
              AllOf(HasSubstr("netplugin failed with no error message: signal: killed"),
                    HasSubstr("timed out after 1s"), HasSubstr("plugin type=\"pa\" failed (add)")));
}

// R-071
TEST_F(Exec, R071_AGrandchildThatHoldsThePipesDelaysNothing) {
  rec.play("pa.DEL", "fork", "20000");
  rec.play("pa.DEL", "sleep", "20000");
  const auto start = std::chrono::steady_clock::now();
  thrown<Timeout>([&] { executor().run_checked(call("DEL", Deadline::after(milliseconds(300)))); });
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4));
  const int pid = std::stoi(rec.calls().at(0).env("REC_PID"));
  bool gone = false;
  for (int i = 0; i < 200 && !gone; ++i) {
    gone = ::kill(-pid, 0) != 0;
    if (!gone) ::poll(nullptr, 0, 10);
  }
  EXPECT_TRUE(gone) << "something of process group " << pid << " is left";
}

TEST_F(Exec, AnExpiredDeadlineStartsNothing) {
  thrown<Timeout>([&] { executor().run_checked(call("DEL", Deadline::after(milliseconds(0)))); });
  EXPECT_EQ(rec.log(), "");
}

// R-073
TEST_F(Exec, R073_ATraceContextIsPassedOn) {
  options.exec.trace = {.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                        .baggage = "k=v"};
  ::setenv("TRACEPARENT", "inherited", 1);
  executor().run(call("ADD"));
  ::unsetenv("TRACEPARENT");
  EXPECT_EQ(rec.calls().at(0).env("TRACEPARENT"), options.exec.trace.traceparent);
  EXPECT_EQ(rec.calls().at(0).env("TRACESTATE"), "(unset)");
  EXPECT_EQ(rec.calls().at(0).env("BAGGAGE"), "k=v");
}

// R-074
TEST_F(Exec, R074_APluginOutlivesUsUnlessAsked) {
  executor().run(call("ADD"));
  options.exec.die_with_parent = true;
  executor().run(call("ADD"));
  EXPECT_EQ(rec.calls().at(0).env("REC_PDEATHSIG"), "0");
  EXPECT_EQ(rec.calls().at(1).env("REC_PDEATHSIG"), std::to_string(SIGKILL));
}

// R-075
TEST_F(Exec, R075_AResultIsOneJsonObjectOrNull) {
  EXPECT_EQ(add("null"), cni::Result{});
  EXPECT_EQ(add(" {\"cniVersion\":\"1.0.0\"} \n"), cni::Result{});
  for (const std::string output : {"", "junk", "[]", "3", "{}{}", "{\"ips\":"})
    EXPECT_THAT(add_error(output), HasSubstr("failed to unmarshal raw result: ")) << output;
}

// R-076
TEST_F(Exec, R076_AResultWithoutVersionHasTheRequests) {
  for (const std::string label : {"", R"("cniVersion":"",)"}) {
    EXPECT_EQ(add("{" + label + R"("ip4":{"ip":"10.0.0.2/24"}})", "0.2.0").ips.size(), 1u);
    EXPECT_EQ(add("{" + label + R"("ip4":{"ip":"10.0.0.2/24"}})", "").ips.size(), 1u);
    EXPECT_EQ(add("{" + label + R"("ips":[{"address":"10.0.0.2/24"}]})", "1.0.0").ips.size(), 1u);
  }
}

// R-077
TEST_F(Exec, R077_AnUnknownResultVersionIsRefused) {
  EXPECT_THAT(add_error(R"({"cniVersion":"3.0.0"})"),
              HasSubstr("unsupported CNI result version \"3.0.0\""));
}

// R-078
TEST_F(Exec, R078_AnErrorObjectIsAFailure) {
  rec.play("pa.ADD", "stdout", R"({"cniVersion":"1.0.0","code":11,"msg":"later"})");
  const auto error = thrown<PluginError>([&] { executor().run_add(call("ADD"), "1.0.0"); });
  EXPECT_EQ(error.code(), cni::Code::try_again_later);
  EXPECT_THAT(error.what(), HasSubstr("later"));
}

// R-084: a file that the kernel refuses to execute counts as a failure of the plugin.
TEST_F(Exec, R084_APluginThatCannotBeStartedIsNamed) {
  base::write_file_atomic(rec.dir() + "/text", "neither ELF nor script", 0755);
  PluginCall broken = call("ADD");
  broken.type = "text";
  EXPECT_THAT(
      thrown<PluginError>([&] { executor().run(broken); }).what(),
      AllOf(HasSubstr("plugin type=\"text\" failed (add): "), HasSubstr(rec.dir() + "/text")));
}

// R-079
TEST_F(Exec, R079_OnlyAddsOutputMatters) {
  for (const std::string verb : {"DEL", "CHECK", "GC", "STATUS"}) {
    rec.play("pa." + verb, "stdout", "junk {");
    EXPECT_NO_THROW(executor().run_checked(call(verb)));
  }
}

// R-080
TEST_F(Exec, R080_AnErrorObjectKeepsCodeMessageAndDetails) {
  const auto error = failure(R"({"code":11,"msg":"busy","details":"pool locked"})");
  EXPECT_EQ(error.code(), cni::Code::try_again_later);
  EXPECT_STREQ(error.reason().what(), "busy");
  EXPECT_EQ(error.details(), "pool locked");
  EXPECT_STREQ(error.what(), "busy; pool locked");
}

// R-081
TEST_F(Exec, R081_SilentFailuresAreDescribed) {
  EXPECT_STREQ(failure("", "", 3).what(), "netplugin failed with no error message: exit status 3");
  EXPECT_STREQ(failure("", "oh \"no\"\n").what(),
               "netplugin failed: \"oh \\\"no\\\"\\n\": exit status 1");
  rec.play("pa.STATUS", "stderr", "");
  rec.play("pa.STATUS", "kill", std::to_string(SIGTERM));
  EXPECT_STREQ(thrown<PluginError>([&] { executor().run_checked(call("STATUS")); }).what(),
               "netplugin failed with no error message: signal: terminated");
}

// R-082
TEST_F(Exec, R082_AnUnparsableDiagnosisIsQuoted) {
  EXPECT_THAT(failure("panic: oh").what(),
              testing::StartsWith(
                  "netplugin failed but error parsing its diagnostic message \"panic: oh\": "));
  EXPECT_THAT(failure(R"({"code":"x","msg":"m"})").what(),
              HasSubstr("error parsing its diagnostic message"));
}

// R-083
TEST_F(Exec, R083_AnErrorWithoutMessageGetsOne) {
  EXPECT_THAT(failure(R"({"code":42})").what(), AllOf(HasSubstr("42"), HasSubstr("exit status 1")));
  EXPECT_EQ(failure(R"({"code":42})").code(), static_cast<cni::Code>(42));
  EXPECT_STRNE(failure("{}").what(), "");
}

// R-086
TEST_F(Exec, R086_NullElementsAndWrongTypesNamePluginAndPath) {
  EXPECT_THAT(add_error(R"({"cniVersion":"1.0.0","ips":[null]})"),
              AllOf(HasSubstr("plugin type=\"pa\""), HasSubstr("ips[0]")));
  EXPECT_THAT(add_error(R"({"cniVersion":"1.0.0","interfaces":[{"name":3}]})"),
              HasSubstr("interfaces[0].name"));
  EXPECT_THAT(add_error(R"({"cniVersion":"1.0.0","routes":{}})"), HasSubstr("routes"));
}

// R-147
TEST_F(Exec, R147_VersionIsRequestedWithDummyVariables) {
  executor().version_info("pa");
  const auto seen = rec.calls().at(0);
  EXPECT_EQ(seen.input, R"({"cniVersion":"1.1.0"})");
  EXPECT_EQ(seen.env("CNI_COMMAND"), "VERSION");
  for (const char* name : {"CNI_NETNS", "CNI_IFNAME", "CNI_PATH"})
    EXPECT_EQ(seen.env(name), "dummy");
  for (const char* name : {"CNI_CONTAINERID", "CNI_ARGS"}) EXPECT_EQ(seen.env(name), "");
}

// R-148
TEST_F(Exec, R148_DecodesVersionRepliesLikeTheReference) {
  EXPECT_THAT(version(R"({"cniVersion":"1.0.0","supportedVersions":["0.4.0","1.0.0"]})").supported,
              ElementsAre("0.4.0", "1.0.0"));
  EXPECT_THAT(version(R"({"cniVersion":"0.2.0"})").supported, ElementsAre("0.1.0", "0.2.0"));
  EXPECT_THROW(version(R"({"cniVersion":"1.0.0"})"), PluginError);
  EXPECT_THROW(version(R"({"supportedVersions":["1.0.0"]})"), PluginError);
  EXPECT_THROW(version("junk"), cni::Error);
  rec.play("pa.VERSION", "exit", "1");
  EXPECT_THAT(version(R"({"code":4,"msg":"unknown CNI_COMMAND: VERSION"})").supported,
              ElementsAre("0.1.0"));
  EXPECT_THROW(version(R"({"code":4,"msg":"something else"})"), PluginError);
}

// The observer gets each call with its input and output.
TEST_F(Exec, TheObserverIsCalledForEachCall) {
  std::string seen;
  options.exec.observer.on_start = [&](const PluginRun& call) {
    seen += "start " + call.verb + "; ";
  };
  options.exec.observer.on_finish = [&](const PluginRun& call) {
    seen += "finish " + std::to_string(call.exit_code);
    EXPECT_GT(call.duration.count(), 0);
    EXPECT_EQ(call.path, rec.dir() + "/pa");
  };
  rec.play("pa.DEL", "exit", "3");
  executor().run(call("DEL"));
  EXPECT_EQ(seen, "start DEL; finish 3");
}

}  // namespace
}  // namespace runtime
