// SPDX-License-Identifier: Apache-2.0
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/file.h"
#include "libcni/plugin/delegate.h"
#include "libcni/plugin/own_build.h"
#include "libcni/plugin/reserved.h"
#include "tests/support/temp_dir.h"

namespace cni {
namespace {

using testing::ElementsAre;

/// With debug information.
constexpr std::size_t kMostInExecutable = std::size_t{1} << 30;

std::vector<std::string> calls;
std::function<Result(const Request&)> on_add;

std::string_view name_of(Verb verb) {
  return verb == Verb::add ? "add" : verb == Verb::del ? "del" : "other";
}

const Plugin& inside() {
  static const Plugin plugin{
      .name = "inside",
      .add =
          [](const Request& request) {
            calls.emplace_back(name_of(request.verb));
            return on_add(request);
          },
      .del = [](const Request& request) { calls.emplace_back(name_of(request.verb)); },
      .status = [](const Request&) { throw Error(Code::not_available, "full"); }};
  return plugin;
}

constexpr InProcessDelegate kTable[] = {{"inside", &inside}};

const Result kTwoAddresses{.ips = {{.address = *base::Prefix::parse("10.1.0.5/16")},
                                   {.address = *base::Prefix::parse("10.2.0.5/16")}}};

/// This executable belongs to its own build: a copy of it under the delegate's name is run in
/// process.
class InProcess : public testing::Test {
 protected:
  InProcess() {
    calls.clear();
    on_add = [](const Request&) { return kTwoAddresses; };
    folder_.file("inside", base::read_file("/proc/self/exe", kMostInExecutable), 0755);
  }
  Request request(Version version = {1, 1, 0}) const {
    Request request{.path = folder_.path(), .version = version};
    request.config = json::Object::parse(R"({"ipam":{"type":"inside"}})", "test");
    return request;
  }
  test::TempDir folder_;
};

TEST_F(InProcess, OwnBuildIsRecognisedByItsNote) {
  EXPECT_TRUE(is_own_build("/proc/self/exe"));
  EXPECT_TRUE(is_own_build(folder_ / "inside"));
  EXPECT_FALSE(is_own_build("/bin/true"));
  EXPECT_FALSE(is_own_build("/nonexistent"));
  EXPECT_FALSE(is_own_build(folder_.path()));
  EXPECT_FALSE(is_own_build(folder_.file("short",
                                         "\x7f"
                                         "ELF")));
  EXPECT_FALSE(is_own_build(folder_.script("script", "exit 0")));
}

TEST_F(InProcess, AnotherBuildIsNotRecognised) {
  std::string image = base::read_file("/proc/self/exe", kMostInExecutable);
  const auto note = image.find(build_id());
  ASSERT_NE(note, std::string::npos);
  ASSERT_LT(note, 4096u);
  image[note] ^= 1;
  EXPECT_FALSE(is_own_build(folder_.file("other", image, 0755)));
}

TEST_F(InProcess, RunsOurOwnIpamWithoutAProcess) {
  const Request caller = request();
  EXPECT_EQ(Ipam(caller).add(), kTwoAddresses);
  EXPECT_THAT(calls, ElementsAre("add"));
}

TEST_F(InProcess, ForeignFilesAreExecuted) {
  folder_.script("inside", R"(echo '{"ips":[{"address":"10.9.0.5/16"}]}')");
  const Request caller = request();
  EXPECT_EQ(Ipam(caller).add().ips.at(0).address.text(), "10.9.0.5/16");
  EXPECT_THAT(calls, ElementsAre());
}

// ADD has undone itself; a DEL could release the address of an earlier attachment.
TEST_F(InProcess, S153_AFailedAddIsNotFollowedByDel) {
  on_add = [](const Request&) -> Result { throw Error(123u, "m", "d"); };
  const Request caller = request();
  try {
    Ipam(caller).add();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<unsigned>(error.code()), 123u);
    EXPECT_EQ(error.details(), "d");
  }
  EXPECT_THAT(calls, ElementsAre("add"));
}

// As between processes: an old version carries one address per family.
TEST_F(InProcess, ResultsPassThroughTheVersionOfTheRequest) {
  const Request caller = request({0, 2, 0});
  EXPECT_EQ(Ipam(caller).add().ips.size(), 1u);
  on_add = [](const Request&) { return Result{}; };
  EXPECT_THROW(Ipam(caller).add(), Error);
  EXPECT_THAT(calls, ElementsAre("add", "add", "del"));
}

TEST_F(InProcess, S235_ForwardsTheOtherVerbs) {
  Request caller = request();
  caller.verb = Verb::gc;
  Ipam(caller).gc();  // unset: succeeds
  caller.verb = Verb::status;
  EXPECT_THROW(Ipam(caller).status(), Error);
  caller.verb = Verb::del;
  Ipam(caller).del();
  EXPECT_THAT(calls, ElementsAre("del"));
}

// P9
TEST_F(InProcess, P9_ReplacesAReservationWhenNothingOfTheAttachmentLives) {
  on_add = [](const Request&) -> Result {
    if (calls.size() == 1) throw StillReserved("10.1.0.5 has been allocated to c1", true);
    return kTwoAddresses;
  };
  const Request caller = request();
  EXPECT_EQ(Ipam(caller).add([] { return false; }), kTwoAddresses);
  EXPECT_THAT(calls, ElementsAre("add", "del", "add"));
}

TEST_F(InProcess, P9_S153_KeepsTheReservationOfAnAttachmentThatLives) {
  on_add = [](const Request&) -> Result {
    throw StillReserved("10.1.0.5 has been allocated", true);
  };
  const Request caller = request();
  EXPECT_THROW(Ipam(caller).add([] { return true; }), StillReserved);
  EXPECT_THROW(Ipam(caller).add(), StillReserved) << "a caller that cannot tell";
  EXPECT_THAT(calls, ElementsAre("add", "add"));
}

}  // namespace

// Replaces the generated table, like the generated object in the executable of a plugin.
std::span<const InProcessDelegate> in_process_delegates() {
  return kTable;
}

}  // namespace cni
