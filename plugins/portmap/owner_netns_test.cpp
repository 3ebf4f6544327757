// SPDX-License-Identifier: Apache-2.0
// The holder of a port, and the rules that DEL and GC remove, whichever suite and backend made
// them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/firewall/hostport_iptables.h"
#include "tests/support/host/portmap_pods.h"

namespace portmap {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using W = test::PacketWorld;

/// The ways to make a hold on tcp 8080 that leads to 10.22.0.N.
struct Maker {
  const char* name;
  const char* command;  ///< with ADDRESS and ID; empty: our ADD by `config`
  const char* config;
};

constexpr Maker kMakers[] = {
    {"our_maps", "", kNft},
    {"our_chains", "", kIptables},
    {"the_references_rules",
     "nft 'add table ip cni_hostport; add chain ip cni_hostport hostports; add rule ip "
     "cni_hostport hostports tcp dport 8080 dnat to ADDRESS:80 comment \"ID\"'",
     kNft},
    {"the_references_legacy_chains",
     "iptables-legacy -t nat -N CNI-HOSTPORT-DNAT; iptables-legacy -t nat -N CNI-DN-other-pod; "
     "iptables-legacy -t nat -A CNI-DN-other-pod -p tcp -m tcp --dport 8080 -j DNAT "
     "--to-destination ADDRESS:80; iptables-legacy -t nat -A CNI-HOSTPORT-DNAT -p tcp -m comment "
     "--comment 'dnat name: \"net1\" id: \"ID\"' -m multiport --dports 8080,8081 -j "
     "CNI-DN-other-pod",
     kIptables},
};

class PortHolder : public PortmapPods, public ::testing::WithParamInterface<Maker> {
 protected:
  void hold(const Pod& pod) {
    std::string command = GetParam().command;
    if (command.empty()) return add_pod(pod, GetParam().config);
    for (const auto& [word, text] :
         {std::pair<std::string, std::string>{"ADDRESS", pod.v4}, {"ID", pod.id}})
      while (command.find(word) != std::string::npos)
        command.replace(command.find(word), word.size(), text);
    test::output_of(command);
  }
};

// L8
TEST_P(PortHolder, IsNamedWhileItLives) {
  hold(pod_);
  for (const char* backend : {kNft, kIptables}) {
    EXPECT_THAT(refusal(neighbour_, backend), HasSubstr("open host port tcp 8080 (held by "))
        << backend;
    EXPECT_THAT(refusal(neighbour_, backend), HasSubstr("pod-one")) << backend;
    EXPECT_EQ(
        refusal(neighbour_, backend, R"({"hostPort":8080,"containerPort":80,"protocol":"udp"})"),
        "");
    remove_pod(neighbour_, backend);
  }
  EXPECT_THAT(rules(), Not(HasSubstr("pod-two")));
  EXPECT_THAT(rules(), HasSubstr(W::kPod));
}

// P2
TEST_P(PortHolder, IsReplacedWhenItIsDead) {
  for (const char* backend : {kNft, kIptables}) {
    hold(gone_);
    ASSERT_THAT(rules(), HasSubstr("10.22.0.99"));
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(refusal(pod_, backend), "");
    const std::string log = ::testing::internal::GetCapturedStderr();
    EXPECT_THAT(log, HasSubstr("host port tcp 8080 was held by "));
    EXPECT_THAT(log, HasSubstr("dead"));
    EXPECT_THAT(rules(), Not(HasSubstr("10.22.0.99"))) << backend;
    EXPECT_EQ(world_.tcp(world_.pod, 80, &world_.outside, {W::kHost, 8080}), W::kOutside);
    remove_pod(pod_, backend);
  }
}

// P2
TEST_P(PortHolder, IsReportedByStatusWhenItIsDead) {
  hold(gone_);
  ::testing::internal::CaptureStderr();
  report_status(request(cni::Verb::status, pod_, kNft));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("host port tcp 8080 is held by"));
  add_pod(pod_, kNft);
  ::testing::internal::CaptureStderr();
  report_status(request(cni::Verb::status, pod_, kNft));
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

template <typename Param>
std::string name_of(const ::testing::TestParamInfo<Param>& test) {
  return test.param.name;
}
INSTANTIATE_TEST_SUITE_P(Makers, PortHolder, ::testing::ValuesIn(kMakers), name_of<Maker>);

TEST_F(PortmapPods, HolderWithOurAliasLivesWithoutAnAddress) {
  add_pod(gone_, kNft);
  test::output_of("ip link set pod2 alias plumb:net1/dead/eth0");
  EXPECT_THAT(refusal(pod_, kNft), HasSubstr("held by net: net1, if: eth0, id: dead"));
  test::output_of("ip link set pod2 alias plumb:net1/other/eth0");
  EXPECT_EQ(refusal(pod_, kNft), "");
}

TEST_F(PortmapPods, HoldersOfOneHostAddressAndOfAllDoNotConflict) {
  add_pod(pod_, kIptables, kPortOfHostIp);
  EXPECT_EQ(refusal(neighbour_, kNft), "");
  remove_pod(neighbour_, kNft);
  EXPECT_THAT(
      refusal(neighbour_, kNft, kPortOfHostIp),
      HasSubstr("open host port 192.0.2.1 tcp 8080 (held by name: \"net1\" id: \"pod-one\")"));
}

// P4: the masquerade of hairpins is also keyed by address.
TEST_F(PortmapPods, HairpinsOfOnePodStayWhenAnotherWithItsAddressIsDeleted) {
  const Pod twin{"twin", W::kPod, W::kPod6, "net2"};
  const std::string other = R"({"hostPort":9090,"containerPort":80,"protocol":"tcp"})";
  for (const bool first_goes : {true, false}) {
    add_pod(pod_, kNft);
    add_pod(twin, kNft, other);
    EXPECT_NO_THROW(verify(request(cni::Verb::check, pod_, kNft)));
    EXPECT_NO_THROW(verify(request(cni::Verb::check, twin, kNft, other)));
    remove_pod(first_goes ? pod_ : twin, kNft);
    const std::uint16_t left = first_goes ? 9090 : 8080;
    EXPECT_EQ(world_.tcp(world_.pod, 80, &world_.pod, {W::kHost, left}), "10.22.0.1");
    EXPECT_EQ(world_.tcp(world_.pod, 80, &world_.neighbour, {W::kHost, left}), "10.22.0.1");
    remove_pod(first_goes ? twin : pod_, kNft);
    EXPECT_THAT(rules(), Not(HasSubstr(W::kPod)));
  }
}

/// The configuration of ADD and the changed one of DEL.
struct Change {
  const char* name;
  const char* add;
  const char* del;
  const char* ports_of_del;
};
class ChangedConfiguration : public PortmapPods, public ::testing::WithParamInterface<Change> {};

// P6
TEST_P(ChangedConfiguration, LeavesNothingAfterDel) {
  const Change& change = GetParam();
  add_pod(pod_, change.add,
          std::string(kPort) + R"(,{"hostPort":8081,"containerPort":81},)"
                               R"({"hostPort":53,"containerPort":53,"protocol":"udp"})");
  add_pod(neighbour_, kNft, R"({"hostPort":70,"containerPort":70})");
  cni::Request del = request(cni::Verb::del, pod_, change.del, change.ports_of_del);
  remove(del);
  EXPECT_THAT(rules(), Not(HasSubstr("pod-one")));
  EXPECT_THAT(rules(), Not(HasSubstr(W::kPod)));
  EXPECT_THAT(rules(), HasSubstr("id: pod-two"));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, ChangedConfiguration,
    ::testing::Values(
        Change{"snat", kNft, R"("snat":false,)", kPort}, Change{"ports", kNft, kNft, kPort},
        Change{"masqAll", R"("masqAll":true,)", "", kPort},
        Change{"backend", kIptables, kNft, kPort}, Change{"backend_back", kNft, kIptables, kPort},
        Change{"conditions", R"("conditionsV4":["ip","saddr","192.0.2.0/24"],)", "", kPort}),
    name_of<Change>);

// P6: iptables' legacy tables have no handles; a rule is deleted by its exact text.
TEST_F(PortmapPods, LegacyRulesWithForgottenConditionsAreRemoved) {
  for (const std::string tool : {"iptables", "ip6tables"})
    for (const std::string action : {"-restore", "-save"})
      ASSERT_EQ(::symlink(("/usr/sbin/" + tool + "-legacy" + action).c_str(),
                          (tools_ / (tool + action)).c_str()),
                0);
  ::setenv("PATH", (tools_.path() + ":/usr/sbin:/usr/bin:/sbin:/bin").c_str(), 1);
  const std::string conditions =
      R"("conditionsV4":["-i","uplink","-m","mark","!","--mark","7"],"conditionsV6":["-d","fd00::/8"],)";
  add_pod(pod_, kIptables + conditions);
  add_pod(neighbour_, kIptables, R"({"hostPort":70,"containerPort":70})");
  ASSERT_THAT(rules(), HasSubstr("--mark 0x7"));
  remove_pod(pod_, kIptables);
  EXPECT_THAT(rules(), Not(HasSubstr("pod-one")));
  EXPECT_THAT(rules(), HasSubstr("pod-two"));
  add_pod(pod_, kIptables + conditions);
  cni::Request gc = request(cni::Verb::gc, pod_, kIptables, "");
  gc.valid_attachments = {{"pod-two", "eth0"}};
  collect_garbage(gc);
  EXPECT_THAT(rules(), Not(HasSubstr("pod-one")));
  EXPECT_THAT(rules(), HasSubstr("pod-two"));
}

// S13
TEST_F(PortmapPods, PortsMadeAfterGcBeganStay) {
  for (const char* backend : {kNft, kIptables}) {
    const std::vector<firewall::Owner> valid;
    add_pod(pod_, backend);
    nft::Nft nft;
    const auto elements = firewall::find_stale_host_ports(nft, "net1", valid);
    const auto chains = firewall::find_stale_iptables_host_ports(nft, "net1", valid);
    add_pod(neighbour_, backend, R"({"hostPort":70,"containerPort":70})");
    elements();
    chains();
    EXPECT_THAT(rules(), Not(HasSubstr("pod-one"))) << backend;
    EXPECT_THAT(rules(), HasSubstr("pod-two")) << backend;
    remove_pod(neighbour_, backend);
  }
}

}  // namespace
}  // namespace portmap
