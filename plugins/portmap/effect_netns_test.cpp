// SPDX-License-Identifier: Apache-2.0
// The view of packets, operators and CHECK on host ports, whichever suite and backend made them.
#include <arpa/inet.h>
#include <sys/socket.h>

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/firewall/hostport_iptables.h"
#include "tests/support/host/portmap_pods.h"

namespace portmap {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::ThrowsMessage;
using W = test::PacketWorld;

/// The errno of a connection from the host; ETIMEDOUT after a second.
int connect_to(const char* address, std::uint16_t port) {
  const base::UniqueFd fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{1, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(port);
  ::inet_pton(AF_INET6, address, &to.sin6_addr);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) return 0;
  return errno == EINPROGRESS ? ETIMEDOUT : errno;
}

// P10
TEST_F(PortmapPods, ConnectionsToTheIpv6LoopbackAreRefusedAtOnce) {
  for (const char* backend : {kNft, kIptables}) {
    add_pod(pod_, backend);
    EXPECT_EQ(connect_to("::1", 8080), ECONNREFUSED) << backend;
    EXPECT_EQ(world_.tcp(world_.pod, 80, nullptr, {W::kHost6, 8080}), W::kHost6) << backend;
    EXPECT_EQ(world_.tcp(world_.pod, 80, nullptr, {"127.0.0.1", 8080}), "10.22.0.1") << backend;
    // The next ADD completes a table of an earlier release.
    if (backend == kNft) test::output_of("nft flush chain ip6 cni_hostport output");
    add_pod(neighbour_, backend, R"({"hostPort":70,"containerPort":70})");
    EXPECT_EQ(connect_to("::1", 8080), ECONNREFUSED) << backend;
    remove_pod(neighbour_, backend);
    remove_pod(pod_, backend);
  }
}

TEST_F(PortmapPods, CheckFailsWhenTheIptablesChainOfAPortHasNoRule) {
  const std::string chain = firewall::iptables_chain("CNI-DN-", {"net1", "pod-one", "eth0"});
  for (const std::string tool : {"iptables", "ip6tables"})
    for (const std::string& flushed : {chain, std::string("CNI-HOSTPORT-DNAT")}) {
      add_pod(pod_, kIptables);
      EXPECT_NO_THROW(verify(request(cni::Verb::check, pod_, kIptables)));
      EXPECT_NO_THROW(verify(request(cni::Verb::check, pod_, kNft)));
      test::output_of(tool + " -t nat -F " + flushed);
      EXPECT_ANY_THROW(verify(request(cni::Verb::check, pod_, kIptables))) << tool << flushed;
      EXPECT_THAT([&] { verify(request(cni::Verb::check, pod_, kNft)); },
                  ThrowsMessage<std::runtime_error>(AllOf(
                      StartsWith("host port "), HasSubstr(" is missing from nf_tables table \""))))
          << tool << flushed;
      remove_pod(pod_, "");
    }
}

// P12
TEST_F(PortmapPods, AMissingMarkChainIsNamedWithItsMaker) {
  const std::string config = R"("externalSetMarkChain":"KUBE-MARK-MASQ",)";
  EXPECT_THAT(refusal(pod_, config), HasSubstr("chain \"KUBE-MARK-MASQ\" of externalSetMarkChain"));
  try {
    add_pod(pod_, config);
    ADD_FAILURE() << "no failure";
  } catch (const cni::Error& error) {
    EXPECT_EQ(error.code(), cni::Code::try_again_later);
    EXPECT_THAT(error.details(), HasSubstr("kube-proxy"));
  }
  EXPECT_THROW(report_status(request(cni::Verb::status, pod_, config)), cni::Error);
  EXPECT_THAT(rules(), Not(HasSubstr("pod-one")));
  test::output_of("iptables -t nat -N KUBE-MARK-MASQ");
  EXPECT_THAT(refusal(pod_, config), HasSubstr("ip6tables"));
  test::output_of("ip6tables -t nat -N KUBE-MARK-MASQ");
  EXPECT_EQ(refusal(pod_, config), "");
  EXPECT_NO_THROW(report_status(request(cni::Verb::status, pod_, config)));
  remove_pod(pod_, config);
  test::output_of("iptables -t nat -F; iptables -t nat -X KUBE-MARK-MASQ");
  EXPECT_EQ(refusal(pod_, config + R"("snat":false,)"), "");  // it is not jumped to
}

// S17
TEST_F(PortmapPods, AddFailsWhenIptablesOnlyClaimsSuccess) {
  shadow_tool("iptables-restore", "exit 0");
  EXPECT_THAT(refusal(pod_, kIptables), HasSubstr("iptables-restore reported success, but chain"));
  EXPECT_THAT(rules(), Not(HasSubstr("pod-one")));
}

// S17
TEST_F(PortmapPods, DelFailsWhenIptablesOnlyClaimsARemoval) {
  test::output_of("iptables-legacy -t nat -N CNI-DN-" +
                  firewall::iptables_chain("CNI-DN-", {"net1", "pod-one", "eth0"}).substr(7));
  shadow_tool("iptables-legacy-restore", "exit 0");
  try {
    remove_pod(pod_, "");
    ADD_FAILURE() << "no failure";
  } catch (const std::exception& error) {
    EXPECT_THAT(error.what(), HasSubstr("the chain is still there"));
  }
}

/// The rules that the reference's nftables backend writes for pod-one (releases before 1.9 had no
/// hostports_all).
std::string reference_rules(bool with_all) {
  std::string text;
  for (const std::string family : {"ip", "ip6"}) {
    const bool v4 = family == "ip";
    const std::string table = family + " cni_hostport";
    const std::string pod = v4 ? W::kPod : W::kPod6;
    const std::string end = v4 ? pod + ":80" : "[" + pod + "]:80";
    const auto line = [&](const std::string& rest) { text += "add " + rest + "\n"; };
    line("table " + table + " { comment \"CNI portmap plugin\"; }");
    for (const char* chain : {"hostports", "hostip_hostports", "hostports_all"})
      line("chain " + table + " " + chain);
    line("chain " + table + " prerouting { type nat hook prerouting priority -100; }");
    line("chain " + table + " output { type nat hook output priority -100; }");
    line("chain " + table + " masquerading { type nat hook postrouting priority 100; }");
    for (const char* hook : {"prerouting", "output"}) {
      if (with_all) {
        line("rule " + table + " " + hook + " fib daddr type local jump hostports_all");
        continue;
      }
      line("rule " + table + " " + hook + " jump hostip_hostports");
      line("rule " + table + " " + hook + " fib daddr type local jump hostports");
    }
    if (with_all) line("rule " + table + " hostports_all jump hostip_hostports");
    if (with_all) line("rule " + table + " hostports_all jump hostports");
    line("rule " + table + " hostports tcp dport 8080 dnat to " + end + " comment \"pod-one\"");
    line("rule " + table + " masquerading " + family + " saddr " + pod + " " + family + " daddr " +
         pod + " masquerade comment \"pod-one\"");
    if (v4)
      line("rule " + table + " masquerading ip saddr 127.0.0.1 ip daddr " + pod +
           " masquerade comment \"pod-one\"");
  }
  return "nft -f - <<'END'\n" + text + "END\n";
}

// R2
TEST_F(PortmapPods, RulesOfTheReferencesNftablesBackendPassCheck) {
  for (const bool with_all : {true, false}) {
    ASSERT_EQ(test::output_of(reference_rules(with_all)), "");
    EXPECT_NO_THROW(verify(request(cni::Verb::check, pod_, ""))) << with_all;
    EXPECT_NO_THROW(verify(request(cni::Verb::check, pod_, R"("snat":false,)")));
    EXPECT_ANY_THROW(
        verify(request(cni::Verb::check, pod_, "", R"({"hostPort":8080,"containerPort":81})")));
    EXPECT_ANY_THROW(verify(request(cni::Verb::check, neighbour_, "")));
    test::output_of("nft flush chain ip6 cni_hostport output");
    EXPECT_ANY_THROW(verify(request(cni::Verb::check, pod_, "")));
    // With rules of both suites, each DEL leaves those of the other.
    add_pod(neighbour_, kNft, R"({"hostPort":70,"containerPort":70})");
    EXPECT_EQ(world_.tcp(world_.pod, 80, &world_.outside, {W::kHost, 8080}), W::kOutside);
    remove_pod(pod_, "");
    EXPECT_THAT(rules(), Not(HasSubstr("\"pod-one\"")));
    EXPECT_NO_THROW(
        verify(request(cni::Verb::check, neighbour_, "", R"({"hostPort":70,"containerPort":70})")));
    test::output_of("nft flush ruleset");
  }
}

}  // namespace
}  // namespace portmap
