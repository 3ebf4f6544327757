// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/obstacles/old_wiring.h"
#include "libcni/base/file.h"
#include "tests/support/host/test_host.h"
#include "tests/support/temp_dir.h"

namespace agent {
namespace {

using test::output_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// K5: pods of two wirings on one node.
class OldWiringTest : public testing::Test {
 protected:
  OldWiringTest() {
    output_of(
        "ip link add cni0 type bridge; ip address add 10.22.1.1/24 dev cni0; ip link set cni0 up;"
        "ip link add other type bridge; ip address add 10.99.0.1/24 dev other");
  }
  /// A host's end with a pod's `container`, or without an alias.
  static void add_end(const std::string& name, const std::string& container) {
    output_of("ip link add " + name + " type veth peer name p" + name + "; ip link set " + name +
              " up");
    if (!container.empty())
      output_of("ip link set " + name + " alias plumb:net1/" + container + "/eth0");
  }
  static void add_bridged(const std::string& name, const std::string& container,
                          const std::string& bridge = "cni0") {
    add_end(name, container);
    output_of("ip link set " + name + " master " + bridge);
  }
  static void add_routed(const std::string& name, const std::string& container,
                         const std::string& route) {
    add_end(name, container);
    output_of("ip route add " + route + " dev " + name);
  }
  void write_list(const std::string& plugin) {
    base::write_file_atomic(list_, R"({"name":"net1","plugins":[{)" + plugin + "}]}", 0644);
  }
  std::string problem() {
    old_.look(netlink_, ranges_);
    return old_.problem();
  }

  test::TestHost host_;
  test::TempDir folder_;
  net::Netlink netlink_;
  const std::string list_ = folder_.file("10-plumb.conflist", "{}");
  OldWiring old_{list_, folder_.path()};
  const std::vector<base::Prefix> ranges_ = {*base::Prefix::parse("10.22.1.0/24"),
                                             *base::Prefix::parse("fd00:22:1::/64")};
};

TEST_F(OldWiringTest, ReadsHowNewPodsAreWired) {
  const std::vector<std::pair<std::string, std::optional<Wiring>>> cases = {
      {R"("type":"bgp")", Wiring::routed},
      {R"("type":"ptp")", Wiring::routed},
      {R"("type":"vxlan","podInterface":"ptp")", Wiring::routed},
      {R"("type":"vxlan")", Wiring::bridged},
      {R"("type":"bridge")", Wiring::bridged},
      {R"("type":"ipvlan")", std::nullopt},
      {"", std::nullopt}};
  for (const auto& [plugin, expected] : cases) {
    write_list(plugin);
    EXPECT_EQ(find_wiring(base::read_file(list_), list_), expected) << plugin;
  }
}

TEST_F(OldWiringTest, FollowsTheListAsItChanges) {
  add_bridged("veth1", "c1");
  for (int round = 0; round < 2; ++round) {
    write_list(R"("type":"bgp")");
    EXPECT_THAT(problem(), HasSubstr("c1"));
    EXPECT_THAT(problem(), HasSubstr("c1")) << "with the list as it was";
    write_list(R"("type":"bridge")");
    EXPECT_EQ(problem(), "");
  }
  write_list(R"("type":"bgp")");
  EXPECT_THAT(problem(), HasSubstr("c1"));
  ::unlink(list_.c_str());
  EXPECT_EQ(problem(), "");
}

TEST_F(OldWiringTest, NamesBridgedPodsWhereNewOnesAreRouted) {
  write_list(R"("type":"bgp")");
  EXPECT_EQ(problem(), "");
  add_bridged("veth1", "c1");
  add_bridged("veth2", "");
  add_bridged("veth3", "c3", "other");
  add_routed("veth4", "c4", "10.22.1.9/32 proto 89");
  EXPECT_THAT(problem(), AllOf(StartsWith("2 pods are on a bridge"), HasSubstr("container \"c1\""),
                               HasSubstr("link \"veth2\""), Not(HasSubstr("c3")),
                               Not(HasSubstr("c4")), Not(HasSubstr("more"))));
  output_of("ip link del veth1; ip link del veth2");
  EXPECT_EQ(problem(), "");
}

TEST_F(OldWiringTest, NamesRoutedPodsWhereNewOnesAreBridged) {
  write_list(R"("type":"vxlan")");
  add_bridged("veth1", "c1");
  EXPECT_EQ(problem(), "");
  add_routed("veth2", "c2", "10.22.1.5/32 proto 89");
  output_of("ip -6 route add fd00:22:1::5/128 dev veth2 proto 89");
  add_routed("veth3", "c3", "10.22.1.6/32 proto boot");
  add_routed("veth4", "c4", "10.99.0.7/32 proto boot");
  EXPECT_THAT(problem(), AllOf(StartsWith("2 pods are routed"), HasSubstr("container \"c2\""),
                               HasSubstr("container \"c3\""), Not(HasSubstr("c4"))));
}

TEST_F(OldWiringTest, NamesPodsByTheRuntimesNames) {
  write_list(R"("type":"bgp")");
  add_bridged("veth1", "c1");
  runtime::CacheEntry entry;
  entry.network = "net1";
  entry.conf.container_id = "c1";
  entry.conf.ifname = "eth0";
  entry.conf.args = {{"K8S_POD_NAMESPACE", "shop"}, {"K8S_POD_NAME", "web-0"}};
  entry.config = "{}";
  entry.result = "{}";
  runtime::Cache(folder_.path()).write(entry);
  EXPECT_THAT(problem(), HasSubstr("recreate \"shop/web-0\""));
}

TEST_F(OldWiringTest, NamesAtMostTenAndCountsTheRest) {
  write_list(R"("type":"bgp")");
  for (int i = 10; i < 22; ++i) add_bridged("veth" + std::to_string(i), "c" + std::to_string(i));
  EXPECT_THAT(problem(), AllOf(StartsWith("12 pods are"), HasSubstr("\"c10\""),
                               HasSubstr("\"c19\" and 2 more"), Not(HasSubstr("\"c20\""))));
}

TEST_F(OldWiringTest, QuotesTheAlias) {
  write_list(R"("type":"bgp")");
  add_end("veth1", "");
  output_of("ip link set veth1 alias \"$(printf 'plumb:a/\\033[2J\\n/x')\" master cni0");
  EXPECT_THAT(problem(), AllOf(HasSubstr("\\u001b[2J\\n"), Not(HasSubstr("\x1b"))));
}

TEST_F(OldWiringTest, ReportsAnUnreadableConflist) {
  add_bridged("veth1", "c1");
  base::write_file_atomic(list_, "{", 0644);
  EXPECT_THAT(problem(), HasSubstr("cannot look for pods of another wiring"));
  OldWiring nowhere{""};
  nowhere.look(netlink_, ranges_);
  EXPECT_EQ(nowhere.problem(), "");
}

}  // namespace
}  // namespace agent
