// SPDX-License-Identifier: Apache-2.0
// Compares host-local with the CNI project's host-local, as Debian packages it: side by side, and
// taking turns on one store.
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <random>
#include <set>

#include <gmock/gmock.h>

#include "ipam/host-local/plugin.h"
#include "libcni/base/file.h"
#include "libcni/base/subprocess.h"
#include "tests/support/plugin_process.h"
#include "tests/support/temp_dir.h"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kReference = "/usr/lib/cni/host-local";

struct Call {
  std::string verb;
  std::string id;
  std::string args = "";
};

/// The outcome without the parts that may differ: codes, details, an empty `dns`. A failure is
/// "error: " and its message.
std::string essence(const std::string& output) {
  if (output.empty()) return {};
  json answer = json::parse(output);
  if (answer.contains("code")) return "error: " + answer.at("msg").get<std::string>();
  if (answer.contains("dns") && answer.at("dns").empty()) answer.erase("dns");
  return answer.dump();
}

bool is_failure(const std::string& answer) {
  return answer.starts_with("error: ");
}

class HostLocalReference : public test::PluginProcess {
 protected:
  void SetUp() override {
    if (::access(kReference, X_OK) != 0) GTEST_SKIP() << kReference << " is not installed";
    plugin = ipam_host_local::plugin();
  }
  std::string config(const test::TempDir& dir) const {
    return R"({"cniVersion":"1.0.0","name":"net1","type":"test","ipam":{"type":"host-local",)"
           R"("dataDir":")" +
           dir.path() + "\"," + ipam + "}}";
  }
  std::string ours(const Call& call, const test::TempDir& dir) {
    input = config(dir);
    environment["CNI_CONTAINERID"] = call.id;
    environment["CNI_ARGS"] = call.args;
    run(call.verb);
    return essence(output);
  }
  std::string theirs(const Call& call, const test::TempDir& dir) const {
    const std::string text = config(dir);
    base::Command command;
    command.path = kReference;
    command.environment = {"CNI_COMMAND=" + call.verb, "CNI_CONTAINERID=" + call.id,
                           "CNI_IFNAME=eth0",          "CNI_NETNS=/nonexistent",
                           "CNI_ARGS=" + call.args,    "CNI_PATH=/usr/lib/cni"};
    command.input = text;
    return essence(base::run(command).output);
  }
  static std::map<std::string, std::string> files(const test::TempDir& dir) {
    std::map<std::string, std::string> found;
    for (const auto& entry : fs::directory_iterator(dir / "net1"))
      found[entry.path().filename()] = base::read_file(entry.path());
    return found;
  }
  static std::set<std::string> reserved(const test::TempDir& dir) {
    std::set<std::string> names;
    for (const auto& [name, content] : files(dir))
      if (base::IpAddress::parse(name)) names.insert(name);
    return names;
  }

  std::string ipam;
};

TEST_F(HostLocalReference, RefusesTheSameConfigurationsInTheSameWords) {
  const test::TempDir dir;
  for (const char* members :
       {R"("ranges":[[{"subnet":"10.0.0.0/31"}]])", R"("ranges":[[{"subnet":"10.0.0.0/32"}]])",
        R"("ranges":[[{"subnet":"fd00::/127"}]])", R"("ranges":[[{"subnet":"10.0.0.1/24"}]])",
        R"("subnet":"10.0.0.0/24","rangeStart":"10.0.1.1")",
        R"("subnet":"10.0.0.0/24","rangeStart":"10.0.0.9","rangeEnd":"10.0.0.2")",
        R"("subnet":"10.0.0.0/24","rangeEnd":"fd00::1")",
        R"("subnet":"10.0.0.0/24","rangeStart":"fd00::1")",
        R"("subnet":"10.0.0.0/24","rangeEnd":"10.0.0.0")",
        R"("ranges":[[{"subnet":"10.0.0.0/24"},{"subnet":"fd00::/64"}]])",
        R"("ranges":[[{"subnet":"10.0.0.0/24"},{"subnet":"10.0.0.0/25"}]])",
        R"("ranges":[[{"subnet":"10.0.0.0/24"}],[{"subnet":"10.0.0.0/25"}]])", R"("ranges":[[]])",
        R"("ranges":[])"}) {
    ipam = members;
    const std::string here = ours({"ADD", "c1"}, dir);
    ASSERT_TRUE(is_failure(here)) << here;
    EXPECT_EQ(here, theirs({"ADD", "c1"}, dir)) << members;
  }
}

/// The same calls on two data directories, one for each.
class HostLocalSideBySide : public HostLocalReference {
 protected:
  void expect_same(const Call& call) {
    const std::string here = ours(call, mine);
    const std::string there = theirs(call, reference);
    EXPECT_EQ(here, there) << call.verb << " " << call.id << " " << call.args;
    EXPECT_EQ(files(mine), files(reference)) << call.verb << " " << call.id << " " << call.args;
  }
  void play(unsigned times) {
    std::mt19937 random(20);  // the same calls in each run
    for (unsigned i = 0; i < times && !HasFailure(); ++i) {
      const std::string id = "c" + std::to_string(random() % 9);
      expect_same({random() % 5 < 3 ? "ADD" : "DEL", id});
    }
  }

  test::TempDir mine;
  test::TempDir reference;
};

TEST_F(HostLocalSideBySide, GivesTheSameAddressesAndLeavesTheSameFiles) {
  ipam = R"("ranges":[[{"subnet":"10.1.0.0/28"}],[{"subnet":"fd00::/124"}]],
            "routes":[{"dst":"0.0.0.0/0"},{"dst":"10.9.0.0/16","gw":"10.1.0.9"}])";
  play(120);
}

TEST_F(HostLocalSideBySide, ExhaustsTheSameWay) {
  ipam = R"("subnet":"10.1.0.0/29","rangeStart":"10.1.0.2","rangeEnd":"10.1.0.5",
            "gateway":"10.1.0.3")";
  play(100);
}

TEST_F(HostLocalSideBySide, WalksSetsOfSeveralRangesTheSameWay) {
  ipam = R"("ranges":[[{"subnet":"10.1.0.0/30"},{"subnet":"10.2.0.0/24","rangeStart":"10.2.0.250"},
            {"subnet":"10.1.9.0/29","rangeEnd":"10.1.9.1"}]])";
  play(100);
}

TEST_F(HostLocalSideBySide, ServesRequestsTheSameWay) {
  ipam = R"("ranges":[[{"subnet":"10.1.0.0/28"}],[{"subnet":"fd00::/124"}]])";
  expect_same({"ADD", "c1", "IP=10.1.0.5"});
  expect_same({"ADD", "c2", "IP=10.1.0.5"});
  expect_same({"ADD", "c2", "IP=fd00::7/64"});
  expect_same({"ADD", "c3"});
  expect_same({"ADD", "c3"});
  expect_same({"DEL", "c1"});
  expect_same({"ADD", "c4", "IP=10.1.0.1"});
}

TEST_F(HostLocalReference, S262_TakesTurnsOnOneDataDirectory) {
  const test::TempDir dir;
  ipam = R"("ranges":[[{"subnet":"10.1.0.0/27"}],[{"subnet":"fd00::/120"}]])";
  std::mt19937 random(21);
  std::map<std::string, std::set<std::string>> held;
  const auto either = [&](const Call& call) {
    return random() % 2 == 0 ? ours(call, dir) : theirs(call, dir);
  };
  for (int i = 0; i < 150 && !HasFailure(); ++i) {
    const std::string id = "c" + std::to_string(random() % 12);
    if (held.contains(id) && random() % 2 == 0) {
      EXPECT_EQ(either({"DEL", id}), "");
      held.erase(id);
    }
    const std::string answer = either({"ADD", id});
    EXPECT_EQ(is_failure(answer), held.contains(id)) << id << " " << answer;
    const json given = is_failure(answer) ? json::object() : json::parse(answer);
    if (!given.empty())
      for (const json& ip : given.at("ips"))
        held[id].insert(base::Prefix::parse(ip.at("address").get<std::string>())->address.text());
    std::set<std::string> all;
    std::size_t sum = 0;
    for (const auto& [owner, addresses] : held) {
      all.insert(addresses.begin(), addresses.end());
      sum += addresses.size();
    }
    EXPECT_EQ(all.size(), sum) << "an address was given twice";
    EXPECT_EQ(reserved(dir), all) << "after call " << i;
  }
  for (const auto& [id, addresses] : held) either({"DEL", id});
  EXPECT_THAT(reserved(dir), testing::IsEmpty());
}

TEST_F(HostLocalReference, ReclaimsTheEmptyFileOfAKilledReference) {
  const test::TempDir dir;
  ipam = R"("subnet":"10.1.0.0/30")";
  fs::create_directories(dir / "net1");
  dir.file("net1/10.1.0.2", "");
  EXPECT_TRUE(is_failure(theirs({"ADD", "c1"}, dir))) << "the reference never gets it back";
  EXPECT_FALSE(is_failure(ours({"ADD", "c1"}, dir)));
  EXPECT_EQ(theirs({"DEL", "c1"}, dir), "");
  EXPECT_THAT(reserved(dir), testing::IsEmpty());
}

/// Both suites at once: one lock for all.
TEST_F(HostLocalReference, S156_GivesNoAddressTwiceToSixtyFourAtOnce) {
  const test::TempDir dir;
  ipam = R"("ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00::/64"}]])";
  const auto all_at_once = [&](const std::string& verb) {
    std::vector<pid_t> children;
    for (int i = 0; i < 64; ++i) {
      const pid_t child = ::fork();
      if (child == 0) {
        const Call call{verb, "c" + std::to_string(i)};
        const std::string answer = i % 4 == 0 ? theirs(call, dir) : ours(call, dir);
        ::_exit(is_failure(answer) ? 1 : 0);
      }
      children.push_back(child);
    }
    for (const pid_t child : children) {
      int status = 0;
      ::waitpid(child, &status, 0);
      EXPECT_EQ(status, 0) << verb;
    }
  };
  all_at_once("ADD");
  std::set<std::string> owners;
  for (const auto& [name, content] : files(dir))
    if (base::IpAddress::parse(name)) owners.insert(name.substr(0, 4) + content);
  EXPECT_EQ(reserved(dir).size(), 128u);
  EXPECT_EQ(owners.size(), 128u) << "one of each family for each";
  all_at_once("DEL");
  EXPECT_THAT(reserved(dir), testing::IsEmpty());
}

}  // namespace
