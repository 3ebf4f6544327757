// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/net/link.h"
#include "libcni/net/redirect.h"
#include "plugins/bandwidth/apply.h"
#include "plugins/bandwidth/plan.h"
#include "tests/support/host/test_host.h"

namespace bandwidth {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::ThrowsMessage;

constexpr const char* kIngress = R"("ingressRate":1000000,"ingressBurst":100000)";
constexpr const char* kEgress = R"("egressRate":2000000,"egressBurst":200000)";
constexpr const char* kBoth =
    R"("ingressRate":1000000,"ingressBurst":100000,"egressRate":2000000,"egressBurst":200000)";
constexpr const char* kReference = "/usr/lib/cni/bandwidth";
constexpr const char* kIfb = "bwpc2d892b58e87";  // of net1 and c1

class BandwidthApply : public ::testing::Test {
 protected:
  /// A pair of `sandbox`, as an interface plugin makes it, and its result.
  cni::Result add_pair(const test::TestHost::Sandbox& sandbox, const std::string& host_name,
                       const std::string& ifname = "eth0", int mtu = 1400) {
    net::Netlink host;
    net::add_veth(host, sandbox.netns,
                  {.host_name = host_name, .sandbox_name = ifname, .mtu = mtu});
    return {.interfaces = {{.name = "br0", .mac = ""},
                           {.name = host_name, .mac = ""},
                           {.name = ifname, .mac = "", .sandbox = sandbox.path}}};
  }
  cni::Request request(cni::Verb verb, const std::string& keys, const std::string& container = "c1",
                       const std::string& ifname = "eth0") {
    auto made = host_.request(
        verb, R"({"cniVersion":"1.1.0","name":"net1","type":"bandwidth",)" + keys + "}", sandbox_);
    made.prev_result = previous_;
    made.container_id = container;
    made.ifname = ifname;
    return made;
  }
  cni::Result add_with(const std::string& keys) { return add(request(cni::Verb::add, keys)); }
  void check_with(const std::string& keys) { verify(request(cni::Verb::check, keys)); }
  void delete_one(const std::string& container = "c1", const std::string& ifname = "eth0") {
    auto made = request(cni::Verb::del, kBoth, container, ifname);
    made.prev_result.reset();
    remove(made);
  }
  void collect(std::vector<cni::Attachment> valid = {}) {
    auto made = request(cni::Verb::gc, kBoth);
    made.valid_attachments = std::move(valid);
    collect_garbage(made);
  }
  static std::string qdiscs(const std::string& link) {
    return test::oracle::text_of(test::oracle::lines_with(test::oracle::qdiscs(), link + " "));
  }
  static std::string filters(const std::string& link = "veth1") {
    return test::output_of("tc filter show dev " + link + " ingress");
  }
  /// The answer of Debian's plugin.
  std::string reference(const std::string& verb, const std::string& keys) {
    const std::string netns =
        "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(sandbox_.netns.fd());
    const std::string config =
        R"({"cniVersion":"1.0.0","name":"net1","type":"bandwidth",)" + keys +
        R"(,"prevResult":{"cniVersion":"1.0.0","interfaces":[{"name":"veth1"},{"name":"eth0",)" +
        R"("sandbox":"x"}]}})";
    return test::output_of("CNI_COMMAND=" + verb +
                           " CNI_CONTAINERID=c1 CNI_IFNAME=eth0 CNI_PATH=/x CNI_NETNS=" + netns +
                           " " + kReference + " <<'END'\n" + config + "\nEND\n");
  }

  test::TestHost host_;
  test::TestHost::Sandbox sandbox_ = host_.add_sandbox();
  cni::Result previous_ = add_pair(sandbox_, "veth1");
};

TEST_F(BandwidthApply, AddPassesTheResultOnWithoutLimits) {
  EXPECT_EQ(add_with(R"("ingressRate":0)"), previous_);
  EXPECT_EQ(qdiscs("veth1"), "veth1 noqueue none parent root\n");
  EXPECT_NO_THROW(check_with(R"("ingressRate":0)"));
}

TEST_F(BandwidthApply, AddLimitsPacketsToThePodAtTheHostsEnd) {
  EXPECT_EQ(add_with(kIngress), previous_);
  EXPECT_EQ(qdiscs("veth1"), "veth1 tbf 1: parent root rate 125000 burst 12500 limit 15625\n");
  EXPECT_THAT(test::links(), Not(HasSubstr("ifb")));
}

TEST_F(BandwidthApply, AddLimitsPacketsFromThePodAtAnIfb) {
  const cni::Result result = add_with(kEgress);
  ASSERT_EQ(result.interfaces.size(), 4u);
  EXPECT_EQ(result.interfaces[3].name, kIfb);
  EXPECT_EQ(result.interfaces[3].sandbox, "");
  EXPECT_EQ(result.interfaces[3].mtu, 1400u);
  EXPECT_THAT(test::oracle::links(),
              Contains(AllOf(HasSubstr(kIfb + std::string(" ifb up mtu 1400 qdisc tbf")),
                             HasSubstr("mac " + result.interfaces[3].mac))));
  EXPECT_EQ(qdiscs(kIfb),
            kIfb + std::string(" tbf 1: parent root rate 250000 burst 25000 limit 31250\n"));
  EXPECT_EQ(qdiscs("veth1"),
            "veth1 ingress ffff: parent ingress\nveth1 noqueue none parent root\n");
  EXPECT_THAT(
      filters(),
      AllOf(HasSubstr("protocol all pref 1 u32"), HasSubstr("fh 800::800"), HasSubstr("flowid 1:1"),
            HasSubstr("Egress Redirect to device " + std::string(kIfb) + ") stolen")));
  EXPECT_THAT(test::oracle::addresses(), Not(Contains(StartsWith(kIfb + std::string(" fe80")))));
}

TEST_F(BandwidthApply, PacketsOfBothFamiliesPassTheIfb) {
  add_with(kEgress);
  test::output_of("ip addr add 10.1.0.1/24 dev veth1; ip addr add fd00::1/64 dev veth1 nodad");
  test::output_in(
      sandbox_,
      "ip link set eth0 up; ip addr add 10.1.0.2/24 dev eth0; ip addr add fd00::2/64 dev "
      "eth0 nodad; ping -c1 -W5 10.1.0.1; ping -c1 -W5 fd00::1");
  const auto sent = [] {
    const std::string text = test::output_of("tc -s qdisc show dev " + std::string(kIfb));
    return std::stoi(text.substr(text.find("bytes ") + 6));
  };
  EXPECT_THAT(test::output_in(sandbox_, "ping -c1 -W5 10.1.0.1"), HasSubstr("1 received"));
  const int before = sent();
  EXPECT_THAT(test::output_in(sandbox_, "ping -c1 -W5 fd00::1"), HasSubstr("1 received"));
  EXPECT_GT(before, 1);
  EXPECT_GT(sent(), before);
}

TEST_F(BandwidthApply, ARepeatedAddChangesTheNumbersInPlace) {
  const cni::Result first = add_with(kBoth);
  const std::string before = filters();
  EXPECT_EQ(add_with(kBoth), first);
  EXPECT_EQ(filters(), before);
  add_with(
      R"("ingressRate":3000000,"ingressBurst":300000,"egressRate":4000000,"egressBurst":80000)");
  EXPECT_THAT(qdiscs("veth1"), HasSubstr("rate 375000 burst 37500 "));
  EXPECT_THAT(qdiscs(kIfb), HasSubstr("rate 500000 burst 10000 "));
  EXPECT_EQ(filters(), before);
}

TEST_F(BandwidthApply, AnAddAfterDelReplacesARedirectThatLeadsNowhere) {
  add_with(kEgress);
  delete_one();
  ASSERT_THAT(filters(), HasSubstr("device *"));
  add_with(kEgress);
  EXPECT_THAT(filters(), AllOf(HasSubstr(kIfb), Not(HasSubstr("device *"))));
  EXPECT_NO_THROW(check_with(kEgress));
}

TEST_F(BandwidthApply, AddLeavesTheFiltersOfOtherProgramsAlone) {
  test::output_of(
      "tc qdisc add dev veth1 clsact; tc filter add dev veth1 ingress prio 7 protocol ip u32 match "
      "ip dst 192.0.2.9/32 flowid 1:7");
  add_with(kEgress);
  EXPECT_THAT(filters("veth1"), AllOf(HasSubstr(kIfb), HasSubstr("c0000209/ffffffff")));
  EXPECT_NO_THROW(check_with(kEgress));
}

TEST_F(BandwidthApply, AddRefusesAQdiscOfAnotherProgram) {
  test::output_of("tc qdisc add dev veth1 root handle 5: pfifo limit 10");
  EXPECT_THAT([&] { add_with(kBoth); },
              ThrowsMessage<std::system_error>(HasSubstr("has the qdisc pfifo")));
  EXPECT_EQ(qdiscs("veth1"), "veth1 pfifo 5: parent root\n");
  EXPECT_THAT(test::links(), Not(HasSubstr("ifb")));
}

TEST_F(BandwidthApply, AFailedRepetitionLeavesWhatTheFirstAddMade) {
  add_with(kEgress);
  const std::string before = filters();
  test::output_of("tc qdisc add dev veth1 root pfifo");
  EXPECT_ANY_THROW(add_with(kBoth));
  EXPECT_EQ(filters(), before);
  EXPECT_NO_THROW(check_with(kEgress));
  EXPECT_THAT(qdiscs("veth1"), HasSubstr("pfifo"));
}

TEST_F(BandwidthApply, AFailedAddLeavesNothing) {
  // A filter of another protocol has the priority of the redirect.
  test::output_of(
      "tc qdisc add dev veth1 ingress; tc filter add dev veth1 parent ffff: prio 1 protocol ip u32 "
      "match ip dst 192.0.2.9/32 flowid 1:7");
  const auto state = [] {
    // tc prints the parent by which the last change was made, whether or not that succeeded.
    return qdiscs("veth1") + test::links() +
           test::output_of("tc filter show dev veth1 ingress | sed 's/ parent ffff://'");
  };
  const std::string before = state();
  EXPECT_THROW(add_with(kBoth), std::system_error);
  EXPECT_EQ(state(), before);
}

TEST_F(BandwidthApply, AddFinishesAnIfbThatAKilledAddLeft) {
  net::Netlink host;
  net::add_ifb(host, {.name = kIfb, .group = group_of({"net1", "c1", "eth0"})});
  EXPECT_EQ(add_with(kEgress).interfaces.back().name, kIfb);
  EXPECT_NO_THROW(check_with(kEgress));
}

TEST_F(BandwidthApply, TwoInterfacesOfAContainerHaveAnIfbEach) {
  add_with(kEgress);
  const cni::Result second = add_pair(sandbox_, "veth2", "eth1");
  auto made = request(cni::Verb::add, kEgress, "c1", "eth1");
  made.prev_result = second;
  const std::string other = add(made).interfaces.back().name;
  EXPECT_NE(other, kIfb);
  EXPECT_THAT(filters("veth2"), HasSubstr(other));
  made.verb = cni::Verb::check;
  EXPECT_NO_THROW(verify(made));
  EXPECT_NO_THROW(check_with(kEgress));
  delete_one();
  EXPECT_THAT(test::links(), AllOf(HasSubstr(other), Not(HasSubstr(kIfb))));
  delete_one("c1", "eth1");
  EXPECT_THAT(test::links(), Not(HasSubstr("ifb")));
}

TEST_F(BandwidthApply, AddRefusesALinkThatIsNotAVethOfThisHost) {
  auto made = request(cni::Verb::add, kBoth);
  made.prev_result->interfaces.erase(made.prev_result->interfaces.begin() + 1);
  EXPECT_THAT([&] { add(made); },
              ThrowsMessage<cni::Error>("no veth peer of container interface found in host ns"));
  made.prev_result->interfaces.clear();
  EXPECT_THAT([&] { add(made); }, ThrowsMessage<cni::Error>("no interfaces provided"));
  EXPECT_THAT([&] { add(request(cni::Verb::add, kBoth, "c1", "eth7")); },
              ThrowsMessage<cni::Error>(
                  StartsWith("container interface eth7 has no veth peer: could not look up")));
  EXPECT_THAT([&] { add(request(cni::Verb::add, kBoth, "c1", "lo")); },
              ThrowsMessage<cni::Error>(HasSubstr("interface \"lo\" was not a veth interface")));
  test::output_of("ip netns add elsewhere && ip link set veth1 netns elsewhere");
  EXPECT_THAT([&] { add_with(kBoth); }, ThrowsMessage<cni::Error>(HasSubstr("is not in host ns")));
  test::output_of("ip netns del elsewhere");
}

TEST_F(BandwidthApply, CheckNamesEachDifference) {
  const std::string ifb = kIfb;
  const std::vector<std::array<std::string, 2>> differences{
      {"tc qdisc del dev veth1 root", "Failed to find qdisc"},
      {"tc qdisc change dev veth1 root handle 1: tbf rate 3Mbit burst 12500b limit 15625b",
       "Rate doesn't match"},
      {"tc qdisc change dev veth1 root handle 1: tbf rate 1Mbit burst 12500b limit 99999b",
       "Limit doesn't match"},
      {"tc qdisc change dev veth1 root handle 1: tbf rate 1Mbit burst 13000b limit 15625b",
       "Buffer doesn't match"},
      {"tc filter del dev veth1 parent ffff: prio 1", "are not redirected to ifb"},
      {"tc qdisc del dev veth1 ingress", "are not redirected to ifb"},
      {"ip link set " + ifb + " down", "is down"},
      {"tc qdisc del dev " + ifb + " root", "Failed to find qdisc"},
      {"ip link del " + ifb, "are not redirected to ifb"},
  };
  for (const auto& [command, message] : differences) {
    add_with(kBoth);
    EXPECT_NO_THROW(check_with(kBoth));
    EXPECT_EQ(test::output_of(command), "");
    EXPECT_THAT([&] { check_with(kBoth); }, ThrowsMessage<cni::Error>(HasSubstr(message)))
        << command;
  }
}

TEST_F(BandwidthApply, CheckAcceptsMoreThanAskedFor) {
  add_with(kBoth);
  EXPECT_EQ(test::output_of("ip link set veth1 mtu 1300; ip link set veth1 alias other; tc filter "
                            "add dev veth1 parent ffff: prio 9 protocol ip u32 match ip dst "
                            "192.0.2.9/32 flowid 1:7"),
            "");
  EXPECT_NO_THROW(check_with(kBoth));
  EXPECT_NO_THROW(check_with(kIngress));
  EXPECT_NO_THROW(check_with(kEgress));
}

TEST_F(BandwidthApply, DelNeedsOnlyTheIdentityAndWorksTwice) {
  add_with(kBoth);
  auto made = request(cni::Verb::del, R"("egressRate":"broken")");
  made.prev_result.reset();
  made.sandbox.reset();
  remove(made);
  EXPECT_THAT(test::links(), Not(HasSubstr("ifb")));
  EXPECT_NO_THROW(remove(made));
}

TEST_F(BandwidthApply, DelLeavesIfbsOfOthersAlone) {
  test::output_of("ip link add " + std::string(kIfb) + " type ifb");
  // Not listed: it belongs to another interface of the container.
  remove(request(cni::Verb::del, kBoth));
  EXPECT_THAT(test::links(), HasSubstr(kIfb));
  test::output_of("ip link set " + std::string(kIfb) + " alias plumb-bandwidth:net1/c1/eth1@5");
  delete_one();
  EXPECT_THAT(test::links(), HasSubstr(kIfb));
  test::output_of("ip link del " + std::string(kIfb) + "; ip link add " + kIfb + " type bridge");
  delete_one();
  EXPECT_THAT(test::links(), HasSubstr(kIfb));
}

TEST_F(BandwidthApply, GcKeepsValidNewerAndForeignIfbs) {
  add_with(kEgress);
  const std::string ifb = kIfb;
  collect({{"c1", "eth0"}});
  EXPECT_THAT(test::links(), HasSubstr(ifb));
  auto earlier = request(cni::Verb::gc, kBoth);
  earlier.began = base::BootTime{};  // began before the ADD
  collect_garbage(earlier);
  EXPECT_THAT(test::links(), HasSubstr(ifb));
  test::output_of(
      "ip link add ifb-own type ifb; ip link add bwp0123456789ab type ifb; ip link add "
      "bwp0123456789ac type ifb; ip link set bwp0123456789ac alias "
      "plumb-bandwidth:net2/c1/eth0@5");
  collect();
  EXPECT_THAT(test::links(), AllOf(Not(HasSubstr(ifb)), HasSubstr("ifb-own"),
                                   HasSubstr("bwp0123456789ab"), HasSubstr("bwp0123456789ac")));
}

TEST_F(BandwidthApply, GcUnshapesAPodThatLivesAfterAll) {
  add_with(kEgress);
  collect();
  EXPECT_THAT(test::links(), Not(HasSubstr("ifb")));
  test::output_of("ip addr add 10.1.0.1/24 dev veth1");
  test::output_in(sandbox_, "ip link set eth0 up; ip addr add 10.1.0.2/24 dev eth0");
  EXPECT_THAT(test::output_in(sandbox_, "ping -c1 -W5 10.1.0.1"), HasSubstr("1 received"));
}

TEST_F(BandwidthApply, GcRemovesManyAtOnce) {
  for (int i = 0; i < 8; ++i) {
    const std::string name = "veth9" + std::to_string(i);
    const std::string ifname = "eth" + std::to_string(10 + i);
    auto made = request(cni::Verb::add, kEgress, "c" + std::to_string(10 + i), ifname);
    made.prev_result = add_pair(sandbox_, name, ifname);
    add(made);
  }
  add_with(kEgress);
  collect({{"c1", "eth0"}});
  const auto links = test::oracle::links();
  EXPECT_EQ(std::ranges::count_if(
                links, [](const auto& line) { return line.find(" ifb ") != std::string::npos; }),
            1);
  EXPECT_NO_THROW(check_with(kEgress));
}

TEST_F(BandwidthApply, StatusTriesTheKernelAndLeavesNothing) {
  const std::string before = test::links();
  EXPECT_NO_THROW(report_status(request(cni::Verb::status, kBoth)));
  EXPECT_EQ(test::links(), before);
  EXPECT_THROW(report_status(request(cni::Verb::status, R"("egressRate":8000)")), cni::Error);
}

// The reference's state, and ours under the reference.

TEST_F(BandwidthApply, MakesTheQdiscsAndFiltersOfTheReference) {
  if (::access(kReference, X_OK) != 0) GTEST_SKIP() << kReference << " is not installed";
  ASSERT_THAT(reference("ADD", kBoth), HasSubstr(kIfb));
  const auto details = [] {  // with every option of the queues
    return test::output_of("tc -d qdisc show dev veth1; tc -d qdisc show dev " + std::string(kIfb));
  };
  const std::string theirs = details();
  const std::string their_filters = filters();
  reference("DEL", kBoth);
  test::output_of("tc qdisc del dev veth1 root; tc qdisc del dev veth1 ingress");
  add_with(kBoth);
  EXPECT_EQ(details(), theirs);
  // Theirs has a second action, which never runs.
  const std::string ours = filters();
  EXPECT_THAT(their_filters, StartsWith(ours.substr(0, ours.find("index"))));
}

TEST_F(BandwidthApply, CheckAddDelAndGcKnowTheReferencesState) {
  if (::access(kReference, X_OK) != 0) GTEST_SKIP() << kReference << " is not installed";
  const std::string wraps = R"("ingressRate":1000000,"ingressBurst":2147483647)";
  ASSERT_THAT(reference("ADD", wraps + "," + kEgress), HasSubstr(kIfb));
  EXPECT_NO_THROW(check_with(wraps + "," + kEgress));
  collect();
  EXPECT_THAT(test::links(), HasSubstr(kIfb)) << "the pod lives";
  EXPECT_EQ(add_with(kBoth).interfaces.back().name, kIfb);
  EXPECT_NO_THROW(check_with(kBoth));
  delete_one();
  EXPECT_THAT(test::links(), Not(HasSubstr("ifb")));
  test::output_of("tc qdisc del dev veth1 root; tc qdisc del dev veth1 ingress");
  ASSERT_THAT(reference("ADD", kBoth), HasSubstr(kIfb));
  test::output_of("ip link del veth1");
  collect({{"c1", "eth0"}});
  EXPECT_THAT(test::links(), HasSubstr(kIfb)) << "valid";
  collect();
  EXPECT_THAT(test::links(), Not(HasSubstr("ifb")));
}

TEST_F(BandwidthApply, TheReferenceKnowsOurState) {
  if (::access(kReference, X_OK) != 0) GTEST_SKIP() << kReference << " is not installed";
  add_with(kBoth);
  EXPECT_EQ(reference("CHECK", kBoth), "");
  EXPECT_EQ(reference("DEL", kBoth), "");
  EXPECT_THAT(test::links(), Not(HasSubstr("ifb")));
}

}  // namespace
}  // namespace bandwidth
