// SPDX-License-Identifier: Apache-2.0
#include "libcni/plugin/delegate.h"

#include <fcntl.h>

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/file.h"
#include "tests/support/temp_dir.h"

namespace cni {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kAddress = R"({"cniVersion":"1.1.0","ips":[{"address":"10.1.0.5/16"}]})";

/// A caller, and a folder in which shell scripts are IPAM plugins.
class Delegate : public testing::Test {
 protected:
  Delegate() {
    // Only the variables that the delegate should see: it inherits the environment of this process.
    ::setenv("CNI_COMMAND", "ADD", 1);
    ::setenv("CNI_CONTAINERID", "c1", 1);
    ::setenv("TRACEPARENT", "garbage", 1);
  }
  ~Delegate() override {
    for (const char* name : {"CNI_COMMAND", "CNI_CONTAINERID", "TRACEPARENT"}) ::unsetenv(name);
  }

  /// Every call is logged, then `body` runs.
  void install(const std::string& body) {
    folder_.script("fake", "echo \"$CNI_COMMAND\" >> " + log_ + "\n" + body + "\n");
  }
  std::string calls() const { return base::find_file(log_).value_or(""); }

  Request request(const std::string& ipam = R"({"type":"fake"})", Verb verb = Verb::add) const {
    Request request{.verb = verb, .path = path_, .version = {1, 1, 0}};
    request.stdin_text = R"({ "cniVersion":"1.1.0","name":"n","ipam":)" + ipam + "}\n";
    request.config = json::Object::parse(request.stdin_text, "test");
    return request;
  }
  /// The error of add() for a delegate that runs `body`.
  Error failure_of(const std::string& body) {
    install(body);
    const Request caller = request();
    try {
      Ipam(caller).add();
    } catch (const Error& error) {
      return error;
    }
    return {0u, "no failure", ""};
  }

  test::TempDir folder_;
  std::string path_ = folder_.path();
  std::string log_ = folder_ / "log";
};

TEST_F(Delegate, S067_MayBeAbsent) {
  for (const char* ipam : {"null", "{}", R"({"type":""})"}) {
    const Request caller = request(ipam);
    EXPECT_FALSE(Ipam(caller).configured()) << ipam;
  }
}

TEST_F(Delegate, S066_RefusesATypeThatIsAPath) {
  for (const char* type : {"../fake", "/bin/sh", "a/b", "..", "."}) {
    const Request caller = request(std::string(R"({"type":")") + type + "\"}");
    try {
      Ipam ipam(caller);
      FAIL() << type;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::invalid_config);
      EXPECT_THAT(error.what(), HasSubstr(type));
    }
  }
}

// S-227
TEST_F(Delegate, S227_TheFirstRegularFileInThePathWins) {
  const test::TempDir first;
  const test::TempDir second;
  base::ensure_directory(first / "fake", 0755);
  second.script("fake", std::string("cat >/dev/null; echo '") + kAddress + "'");
  install("exit 1");
  path_ = first.path() + ":" + second.path() + ":" + folder_.path();
  const Request caller = request();
  EXPECT_EQ(Ipam(caller).add().ips.at(0).address.text(), "10.1.0.5/16");
  EXPECT_EQ(calls(), "");
}

// S-228
TEST_F(Delegate, S228_EmptyAndRelativeFoldersAreNotSearched) {
  install(std::string("echo '") + kAddress + "'");
  const std::string home = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path());
  for (const char* path : {":", ".", "::x", ""}) {
    path_ = path;
    const Request caller = request();
    EXPECT_THROW(Ipam(caller).add(), Error) << path;
  }
  std::filesystem::current_path(home);
  EXPECT_EQ(calls(), "");
}

// S-229
TEST_F(Delegate, S229_SkipsAFileThatCannotBeExecuted) {
  const test::TempDir first;
  first.file("fake", "#!/bin/sh\n", 0644);
  install(std::string("echo '") + kAddress + "'");
  path_ = first.path() + ":" + folder_.path();
  const Request caller = request();
  EXPECT_EQ(Ipam(caller).add().ips.size(), 1u);
}

// S-237
TEST_F(Delegate, S237_NamesTheMissingPluginAndThePath) {
  path_ = "/nonexistent/a:/nonexistent/b";
  const Request caller = request(R"({"type":"nope"})");
  try {
    Ipam(caller).add();
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "failed to find plugin \"nope\" in path [/nonexistent/a /nonexistent/b]");
  }
  try {
    Ipam(caller).status();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::not_available);  // S-206
  }
}

// S-230 S-020
TEST_F(Delegate, S230_GetsTheSameBytesAndEnvironment) {
  install("cat > " + (folder_ / "stdin") + "; env > " + (folder_ / "env") + "; echo '" + kAddress +
          "'");
  const Request caller = request();
  Ipam(caller).add();
  EXPECT_EQ(base::read_file(folder_ / "stdin"), caller.stdin_text);
  const std::string environment = base::read_file(folder_ / "env");
  EXPECT_THAT(environment, HasSubstr("CNI_CONTAINERID=c1\n"));
  EXPECT_THAT(environment, HasSubstr("TRACEPARENT=garbage\n"));
  EXPECT_THAT(environment, HasSubstr("CNI_COMMAND=ADD\n"));
}

TEST_F(Delegate, S093_InheritsNoDescriptors) {
  const base::UniqueFd leak(::dup(STDERR_FILENO));  // without O_CLOEXEC on purpose
  install("ls /proc/self/fd > " + (folder_ / "fds") + "; echo '" + kAddress + "'");
  const Request caller = request();
  Ipam(caller).add();
  EXPECT_EQ(base::read_file(folder_ / "fds"), "0\n1\n2\n3\n");  // 3 is the folder that ls reads
}

TEST_F(Delegate, S036_InheritsTheDescriptorThatIsTheNamespace) {
  const base::UniqueFd before(::dup(STDERR_FILENO));
  const base::UniqueFd handed_down(::open("/proc/self/ns/net", O_RDONLY));  // without O_CLOEXEC
  const base::UniqueFd after(::dup(STDERR_FILENO));
  Request caller = request();
  caller.netns = "/proc/self/fd/" + std::to_string(handed_down.get());
  install("[ " + caller.netns + " -ef /proc/self/ns/net ] || exit 1; ls /proc/self/fd | wc -l > " +
          (folder_ / "fds") + "; echo '" + kAddress + "'");
  EXPECT_EQ(Ipam(caller).add().ips.size(), 1u);
  EXPECT_EQ(base::read_file(folder_ / "fds"), "5\n");  // 0, 1, 2, it, and the folder that ls reads
}

// S-231
TEST_F(Delegate, S231_ForwardsStandardError) {
  for (const char* end : {"exit 0", "exit 1"}) {
    install(std::string("echo 'a note' >&2; echo '") + kAddress + "'; " + end);
    const Request caller = request();
    testing::internal::CaptureStderr();
    try {
      Ipam(caller).add();
    } catch (const Error&) {
    }
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("a note\n")) << end;
  }
}

// S-232
TEST_F(Delegate, S232_ReadsAResultInItsOwnVersion) {
  for (const char* answer :
       {R"({"cniVersion":"0.2.0","ip4":{"ip":"10.1.0.5/16"}})",
        R"({"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.1.0.5/16"}]})",
        R"({"ips":[{"address":"10.1.0.5/16"}]})"}) {
    install(std::string("echo '") + answer + "'");
    const Request caller = request();
    EXPECT_EQ(Ipam(caller).add().ips.at(0).address.text(), "10.1.0.5/16") << answer;
  }
}

// S-110 S-233
TEST_F(Delegate, S233_AFailedAddIsFollowedByDelAndItsErrorPassedOn) {
  const Error error = failure_of(
      R"([ "$CNI_COMMAND" = DEL ] && exit 0; echo '{"code":123,"msg":"m","details":"d"}'; exit 1)");
  EXPECT_EQ(static_cast<unsigned>(error.code()), 123u);
  EXPECT_STREQ(error.what(), "m");
  EXPECT_EQ(error.details(), "d");
  EXPECT_EQ(calls(), "ADD\nDEL\n");
}

TEST_F(Delegate, S233_AFailedRollBackDoesNotHideTheError) {
  const Error error =
      failure_of(R"(echo "{\"code\":123,\"msg\":\"$CNI_COMMAND failed\"}"; exit 1)");
  EXPECT_STREQ(error.what(), "ADD failed");
}

// S-236
TEST_F(Delegate, S236_AResultWithoutAddressIsAFailure) {
  for (const char* answer : {"{}", "null", R"({"cniVersion":"1.1.0","ips":[]})"}) {
    base::remove_file(log_);
    const Error error = failure_of(std::string("echo '") + answer + "'");
    EXPECT_EQ(error.code(), Code::invalid_config);
    EXPECT_STREQ(error.what(), "IPAM plugin returned missing IP config");
    EXPECT_EQ(calls(), "ADD\nDEL\n") << answer;
  }
}

// S-238 S-112
TEST_F(Delegate, S238_QuotesTheStartOfAnAnswerItCannotRead) {
  const std::string garbage(5'000, 'g');
  for (const std::string& body :
       {std::string("true"), "echo " + garbage, "echo " + garbage + "; exit 1",
        std::string("echo '{} {}'"), std::string("echo '[]'"),
        std::string(R"(echo '{"ips":[{"address":5}]}')"),
        std::string(R"(echo '{"cniVersion":"7.0.0"}')")}) {
    base::remove_file(log_);
    const Error error = failure_of(body);
    EXPECT_LT(std::string(error.what()).size(), 200u) << error.what();
    EXPECT_NE(error.code(), Code{});
    EXPECT_EQ(calls(), "ADD\nDEL\n") << body.substr(0, 40);
  }
  EXPECT_THAT(failure_of("echo " + garbage).what(), HasSubstr("\"fake\" printed \"ggggg"));
  EXPECT_THAT(failure_of(R"(echo '{"ips":[{"address":5}]}')").what(),
              HasSubstr("fake.ips[0].address"));
}

// S-239
TEST_F(Delegate, S239_NamesTheSignalThatKilledIt) {
  EXPECT_STREQ(failure_of("kill -SEGV $$").what(),
               "netplugin failed with no error message: killed by SIGSEGV");
  EXPECT_STREQ(failure_of("exit 3").what(),
               "netplugin failed with no error message: exit status 3");
  EXPECT_THAT(failure_of("echo no such pool >&2; exit 3").what(), HasSubstr("no such pool"));
}

// S-109
TEST_F(Delegate, S109_NeverAnswersCodeZero) {
  for (const char* body : {"exit 1", R"(echo '{"code":0,"msg":"m"}'; exit 1)",
                           R"(echo '{"msg":"m"}'; exit 1)", R"(echo '{"code":0}'; exit 1)"}) {
    const Error error = failure_of(body);
    EXPECT_NE(error.code(), Code{}) << body;
    EXPECT_STRNE(error.what(), "") << body;
  }
}

// An error object with exit status 0 is still an error.
TEST_F(Delegate, RefusesAnErrorObjectAsAResult) {
  EXPECT_STREQ(failure_of(R"(echo '{"code":11,"msg":"busy"}')").what(), "busy");
}

// S-235 S-196 S-209
TEST_F(Delegate, S235_ForwardsTheOtherVerbs) {
  install("exit 0");
  for (const auto& [verb, call] : {std::pair{Verb::del, &Ipam::del},
                                   {Verb::check, &Ipam::check},
                                   {Verb::gc, &Ipam::gc},
                                   {Verb::status, &Ipam::status}}) {
    const Request caller = request(R"({"type":"fake"})", verb);
    (Ipam(caller).*call)();
  }
  EXPECT_EQ(calls(), "DEL\nCHECK\nGC\nSTATUS\n");
  install(R"(echo '{"code":50,"msg":"full"}'; exit 1)");
  const Request caller = request(R"({"type":"fake"})", Verb::status);
  try {
    Ipam(caller).status();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::not_available);
  }
}

}  // namespace
}  // namespace cni
