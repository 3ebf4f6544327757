// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/portmap/apply.h"
#include "tests/support/host/packet_world.h"

namespace portmap {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using W = test::PacketWorld;

constexpr const char* kPorts =
    R"({"hostPort":8080,"containerPort":80,"protocol":"tcp"},{"hostPort":5300,"containerPort":53,"protocol":"udp"})";

cni::Result chain_result(const std::string& v4, const std::string& v6) {
  return {.interfaces = {{.name = "br0", .mac = ""},
                         {.name = "eth0", .mac = "", .sandbox = "/run/netns/pod"}},
          .ips = {{.address = *base::Prefix::parse(v4 + "/24"), .interface = 1},
                  {.address = *base::Prefix::parse(v6 + "/64"), .interface = 1}}};
}

std::string rules() {
  return test::output_of("nft list ruleset");
}
std::string nat(const std::string& tool) {
  // P10: with the reference, connections to ::1 hang. Counters count the kernel's own packets.
  return test::output_of(tool + "-save -t nat | sed '/^#\\|::1.128 -j RET/d; s/ \\[.*\\]$//'");
}

class Portmap : public ::testing::Test {
 protected:
  cni::Request request(cni::Verb verb, const std::string& more, const std::string& ports = kPorts) {
    const std::string config = R"({"cniVersion":"1.1.0","name":"net1","type":"portmap",)" + more +
                               R"("runtimeConfig":{"portMappings":[)" + ports + "]}}";
    cni::Request made = world_.host.request(verb, config, world_.pod);
    if (verb != cni::Verb::del) made.prev_result = chain_result(W::kPod, W::kPod6);
    return made;
  }
  cni::Result add_with(const std::string& more, const std::string& ports = kPorts) {
    return add(request(cni::Verb::add, more, ports));
  }
  void add_neighbour(const std::string& ports) {
    cni::Request made = request(cni::Verb::add, "", ports);
    made.container_id = "c2";
    made.prev_result = chain_result(W::kNeighbour, W::kNeighbour6);
    add(made);
  }
  void remove_all() { remove(request(cni::Verb::del, "", "")); }

  test::PacketWorld world_;
};

class PortmapBackends : public Portmap, public ::testing::WithParamInterface<const char*> {
 protected:
  std::string backend() const { return R"("backend":")" + std::string(GetParam()) + R"(",)"; }
};

TEST_P(PortmapBackends, PacketsFindTheContainerAndTheWayBack) {
  EXPECT_EQ(add_with(backend()), chain_result(W::kPod, W::kPod6));  // S-223
  const auto web = [&](const test::TestHost::Sandbox* from, const char* to) {
    return world_.tcp(world_.pod, 80, from, {to, 8080});
  };
  EXPECT_EQ(web(&world_.outside, W::kHost), W::kOutside);
  EXPECT_EQ(web(&world_.outside, W::kHost6), W::kOutside6);
  EXPECT_EQ(web(nullptr, "127.0.0.1"), "10.22.0.1");
  EXPECT_NE(web(nullptr, W::kHost), "nothing");
  EXPECT_EQ(web(&world_.pod, W::kHost), "10.22.0.1");        // to itself
  EXPECT_EQ(web(&world_.neighbour, W::kHost), "10.22.0.1");  // replies pass through the host
  EXPECT_EQ(web(&world_.neighbour, W::kHost6), "fd00:22::1");
  EXPECT_EQ(world_.tcp(world_.pod, 80, &world_.neighbour, {W::kPod, 80}), W::kNeighbour);  // direct
  EXPECT_EQ(world_.udp(world_.pod, 53, &world_.outside, {W::kHost, 5300}), W::kOutside);
  EXPECT_EQ(world_.udp(world_.pod, 53, &world_.neighbour, {W::kHost6, 5300}), "fd00:22::1");
  EXPECT_NO_THROW(verify(request(cni::Verb::check, backend())));

  remove_all();
  EXPECT_EQ(web(&world_.outside, W::kHost), "nothing");
  EXPECT_EQ(world_.udp(world_.pod, 53, &world_.outside, {W::kHost, 5300}), "nothing");
  EXPECT_ANY_THROW(verify(request(cni::Verb::check, backend())));
  remove_all();  // S-164
}

TEST_P(PortmapBackends, WithoutSnatSourcesStay) {
  add_with(backend() + R"("snat":false,)");
  EXPECT_EQ(world_.udp(world_.pod, 53, &world_.neighbour, {W::kHost, 5300}), W::kNeighbour);
}

TEST_P(PortmapBackends, MasqAllHidesEverySource) {
  add_with(backend() + R"("masqAll":true,)");
  EXPECT_EQ(world_.tcp(world_.pod, 80, &world_.outside, {W::kHost, 8080}), "10.22.0.1");
  EXPECT_EQ(world_.tcp(world_.pod, 80, &world_.outside, {W::kHost6, 8080}), "fd00:22::1");
}

TEST_P(PortmapBackends, AHostAddressNarrowsThePort) {
  add_with(backend(),
           R"({"hostPort":8080,"containerPort":80,"protocol":"tcp","hostIP":"192.0.2.1"})");
  EXPECT_EQ(world_.tcp(world_.pod, 80, &world_.outside, {W::kHost, 8080}), W::kOutside);
  EXPECT_EQ(world_.tcp(world_.pod, 80, &world_.neighbour, {"10.22.0.1", 8080}), "nothing");
  EXPECT_EQ(world_.tcp(world_.pod, 80, &world_.outside, {W::kHost6, 8080}), "nothing");
}

TEST_P(PortmapBackends, ARunningUdpFlowFollowsTheChange) {
  const auto socket_in = [](const test::TestHost::Sandbox& where, const char* address,
                            std::uint16_t port) {
    int fd = -1;
    where.netns.run([&] { fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); });
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_port = htons(port);
    ::inet_pton(AF_INET, address, &local.sin_addr);
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&local), sizeof local), 0);
    const timeval patience{0, 300000};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return base::UniqueFd(fd);
  };
  const base::UniqueFd server = socket_in(world_.pod, "0.0.0.0", 53);
  const base::UniqueFd client = socket_in(world_.outside, W::kOutside, 4444);
  const auto arrives = [&] {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(5300);
    ::inet_pton(AF_INET, W::kHost, &to.sin_addr);
    ::sendto(client.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
    char byte = 0;
    return ::recv(server.get(), &byte, 1, 0) == 1;
  };
  // Connection tracking starts with the first rule that uses it, as on every host with NAT.
  test::output_of(
      "nft 'add table ip x; add chain ip x y { type nat hook prerouting priority -90; }'");
  EXPECT_FALSE(arrives());
  add_with(backend());
  EXPECT_TRUE(arrives());
  remove(request(cni::Verb::del, ""));
  EXPECT_FALSE(arrives());
}

TEST_P(PortmapBackends, MarksOfKubeProxyPassUntouched) {
  test::output_of(
      "nft 'add table inet k; add chain inet k pre { type filter hook prerouting priority -150; }; "
      "add rule inet k pre meta mark set 0xc000; "
      "add chain inet k post { type filter hook postrouting priority 300; }; "
      "add rule inet k post oifname br0 meta mark & 0xc000 != 0xc000 drop'");
  add_with(backend());
  EXPECT_EQ(world_.udp(world_.pod, 53, &world_.neighbour, {W::kHost, 5300}), "10.22.0.1");
  EXPECT_EQ(world_.udp(world_.pod, 53, &world_.outside, {W::kHost, 5300}), W::kOutside);
}

TEST_P(PortmapBackends, ASecondAddChangesNothing) {
  add_with(backend());
  const std::string before = nat("iptables") + test::output_of("nft list tables");
  const std::string own = test::output_of("nft list table ip cni_hostport");
  add_with(backend());
  EXPECT_EQ(nat("iptables") + test::output_of("nft list tables"), before);
  EXPECT_EQ(test::output_of("nft list table ip cni_hostport"), own);
}

TEST_P(PortmapBackends, S194_GcKeepsValidAttachmentsAndOtherNetworks) {
  add_with(backend());
  cni::Request elsewhere =
      request(cni::Verb::add, backend(), R"({"hostPort":99,"containerPort":99})");
  elsewhere.network = "net2";
  add(elsewhere);
  cni::Request gc = request(cni::Verb::gc, backend(), "");
  gc.valid_attachments = {{"c1", "eth0"}};
  collect_garbage(gc);
  EXPECT_NO_THROW(verify(request(cni::Verb::check, backend())));
  gc.valid_attachments = {};
  collect_garbage(gc);
  EXPECT_ANY_THROW(verify(request(cni::Verb::check, backend())));
  elsewhere.verb = cni::Verb::check;
  EXPECT_NO_THROW(verify(elsewhere));
}

INSTANTIATE_TEST_SUITE_P(Backends, PortmapBackends, ::testing::Values("nftables", "iptables"));

TEST_F(Portmap, RulesAreTheReferencesWithMaps) {
  add_with("", R"({"hostPort":8080,"containerPort":80,"protocol":"tcp"})");
  EXPECT_EQ(test::output_of("nft list table ip cni_hostport"), R"(table ip cni_hostport {
	comment "CNI portmap plugin"
	map ports {
		type inet_proto . inet_service : ipv4_addr . inet_service
		elements = { tcp . 8080 comment "8e48f37d5de60467-f4d01f2ef4b92245, net: net1, if: eth0, id: c1" : 10.22.0.5 . 80 }
	}

	map hostip_ports {
		type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
	}

	set hairpin_24 {
		type ipv4_addr . ipv4_addr . inet_proto . inet_service
		elements = { 10.22.0.0 . 10.22.0.5 . tcp . 80 comment "8e48f37d5de60467-f4d01f2ef4b92245, net: net1, if: eth0, id: c1" }
	}

	set hairpin_32 {
		type ipv4_addr . ipv4_addr . inet_proto . inet_service
		elements = { 127.0.0.1 . 10.22.0.5 . tcp . 80 comment "8e48f37d5de60467-f4d01f2ef4b92245, net: net1, if: eth0, id: c1" }
	}

	chain hostports {
		dnat ip to meta l4proto . th dport map @ports comment "ports"
	}

	chain hostip_hostports {
		dnat ip to ip daddr . meta l4proto . th dport map @hostip_ports comment "hostip_ports"
	}

	chain hostports_all {
		jump hostip_hostports
		jump hostports
	}

	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		fib daddr type local jump hostports_all
	}

	chain output {
		type nat hook output priority -100; policy accept;
		fib daddr type local jump hostports_all
	}

	chain masquerading {
		type nat hook postrouting priority srcnat; policy accept;
		ct status dnat ip saddr & 255.255.255.0 . ip daddr . meta l4proto . th dport @hairpin_24 masquerade comment "hairpin_24"
		ct status dnat ip saddr . ip daddr . meta l4proto . th dport @hairpin_32 masquerade comment "hairpin_32"
	}
}
)");
}

TEST_F(Portmap, FiveHundredPortsAddNoRule) {
  add_with("");
  const auto shape = [] {
    return test::output_of("nft list ruleset | grep -c 'dnat\\|masquerade\\|jump'");
  };
  const std::string before = shape();
  for (int first = 10000; first < 10500; first += 50) {
    std::string ports;
    for (int port = first; port < first + 50; ++port)
      ports += (ports.empty() ? "" : ",") + (R"({"hostPort":)" + std::to_string(port)) +
               R"(,"containerPort":80})";
    cni::Request made = request(cni::Verb::add, "", ports);
    made.container_id = "m" + std::to_string(first);
    made.prev_result = chain_result("10.22.1." + std::to_string((first - 10000) / 50 + 2),
                                    "fd00:22::1:" + std::to_string((first - 10000) / 50 + 2));
    add(made);
  }
  EXPECT_EQ(shape(), before);
  EXPECT_EQ(world_.tcp(world_.pod, 80, &world_.outside, {W::kHost, 8080}), W::kOutside);
}

TEST_F(Portmap, ATakenPortNamesItsHolder) {
  add_with("");
  try {
    add_neighbour(R"({"hostPort":8080,"containerPort":80,"protocol":"tcp"})");
    FAIL() << "no failure";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), EADDRINUSE);
    EXPECT_THAT(error.what(),
                HasSubstr("open host port tcp 8080 (held by net: net1, if: eth0, id: c1)"));
  }
  EXPECT_EQ(world_.tcp(world_.pod, 80, &world_.outside, {W::kHost, 8080}), W::kOutside);
  EXPECT_THAT(rules(), Not(HasSubstr("id: c2")));
  add_neighbour(R"({"hostPort":8080,"containerPort":80,"protocol":"udp"})");
  remove_all();
  add_neighbour(R"({"hostPort":8080,"containerPort":80,"protocol":"tcp"})");
}

TEST_F(Portmap, ParallelFirstAddsBuildOneSkeleton) {
  std::vector<pid_t> children;
  for (int i = 0; i < 16; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      cni::Request made =
          request(cni::Verb::add, "",
                  R"({"hostPort":)" + std::to_string(7000 + i) + R"(,"containerPort":80})");
      made.container_id = "p" + std::to_string(i);
      made.prev_result =
          chain_result("10.22.0." + std::to_string(20 + i), "fd00:22::1:" + std::to_string(i));
      add(made);
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(
      test::output_of("nft list table ip cni_hostport | grep -c 'jump\\|dnat ip\\|masquerade'"),
      "8\n");
  EXPECT_EQ(test::output_of("nft list map ip cni_hostport ports | grep -c 'id: p'"), "16\n");
}

TEST_F(Portmap, AFlushedTableIsRepaired) {
  add_with("");
  const std::string before = rules();
  for (const char* chain : {"prerouting", "hostports", "hostports_all", "output", "masquerading"}) {
    test::output_of(std::string("nft flush chain ip cni_hostport ") + chain);
    EXPECT_ANY_THROW(verify(request(cni::Verb::check, "")));
    add_with("");
    EXPECT_EQ(rules(), before) << chain;
  }
}

TEST_F(Portmap, ConditionsAreTheAttachmentsOwn) {
  add_with(R"("conditionsV4":["ip","saddr","!=","192.0.2.0/24"],)");
  add_neighbour(R"({"hostPort":9090,"containerPort":80,"protocol":"tcp"})");
  EXPECT_EQ(world_.tcp(world_.pod, 80, &world_.outside, {W::kHost, 8080}), "nothing");
  EXPECT_EQ(world_.tcp(world_.pod, 80, &world_.neighbour, {W::kHost, 8080}), "10.22.0.1");
  EXPECT_EQ(world_.tcp(world_.neighbour, 80, &world_.outside, {W::kHost, 9090}), W::kOutside);
  add_with(R"("conditionsV4":["ip","saddr","!=","192.0.2.0/24"],)");
  EXPECT_EQ(test::output_of("nft list table ip cni_hostport | grep -c 'dnat to'"), "2\n");
  remove_all();
  EXPECT_THAT(rules(), Not(HasSubstr("id: c1")));
}

TEST_F(Portmap, ANewerReferencesRulesAreRemoved) {
  add_neighbour(kPorts);
  test::output_of(
      "nft 'add rule ip cni_hostport hostports tcp dport 99 dnat to 10.22.0.5:80 comment \"c1\"; "
      "add rule ip "
      "cni_hostport masquerading ip saddr 10.22.0.5 ip daddr 10.22.0.5 masquerade comment \"c1\"'");
  ASSERT_THAT(rules(), HasSubstr("comment \"c1\""));
  remove_all();
  EXPECT_THAT(rules(), Not(HasSubstr("comment \"c1\"")));
  EXPECT_THAT(rules(), HasSubstr("id: c2"));
}

constexpr const char* kReference = "/usr/lib/cni/portmap";

TEST_F(Portmap, ChecksAndRemovesTheRulesOfTheReference) {
  if (::access(kReference, X_OK) != 0) GTEST_SKIP() << kReference << " is not installed";
  const auto call_reference = [&](const std::string& verb) {
    const std::string netns =
        "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(world_.pod.netns.fd());
    const std::string config =
        R"({"cniVersion":"1.0.0","name":"net1","type":"portmap","runtimeConfig":{"portMappings":[)" +
        std::string(kPorts) +
        R"(]},"prevResult":{"cniVersion":"1.0.0","interfaces":[{"name":"eth0",)" +
        R"("sandbox":"x"}],"ips":[{"address":"10.22.0.5/24","interface":0},)" +
        R"({"address":"fd00:22::5/64","interface":0}]}})";
    return test::output_of("CNI_COMMAND=" + verb +
                           " CNI_CONTAINERID=c1 CNI_IFNAME=eth0 CNI_PATH=/x CNI_NETNS=" + netns +
                           " " + kReference + " <<'END'\n" + config + "\nEND\n");
  };
  const std::string path = ::getenv("PATH");
  for (const char* variant : {"nft", "legacy"}) {
    const test::TempDir tools;
    for (const std::string tool : {"iptables", "ip6tables"})
      for (const std::string suffix : {"", "-save", "-restore"})
        ASSERT_EQ(::symlink(("/usr/sbin/" + tool + "-" + variant + suffix).c_str(),
                            (tools / (tool + suffix)).c_str()),
                  0);
    ::setenv("PATH", (tools.path() + ":" + path).c_str(), 1);
    EXPECT_THAT(call_reference("ADD"), HasSubstr("10.22.0.5/24"));
    EXPECT_NO_THROW(verify(request(cni::Verb::check, "")));
    const std::string theirs = nat("iptables") + nat("ip6tables");
    ASSERT_THAT(theirs, HasSubstr("CNI-DN-"));
    remove_all();
    EXPECT_THAT(nat("iptables") + nat("ip6tables"), Not(HasSubstr("CNI-DN-"))) << variant;
    // The other way round: the reference removes the rules that portmap made.
    add_with(R"("backend":"iptables",)");
    EXPECT_EQ(nat("iptables") + nat("ip6tables"), theirs);
    call_reference("DEL");
    EXPECT_THAT(nat("iptables") + nat("ip6tables"), Not(HasSubstr("CNI-DN-"))) << variant;
    ::setenv("PATH", path.c_str(), 1);
  }
}

TEST_F(Portmap, S255_DelOnACleanHostIsHarmless) {
  remove_all();
  EXPECT_EQ(rules(), "");
}

TEST_F(Portmap, StatusIsReadyAndSaysWhenToolsAreMissing) {
  EXPECT_NO_THROW(report_status(request(cni::Verb::status, "")));
  const std::string path = ::getenv("PATH");
  ::setenv("PATH", "/nowhere", 1);
  try {
    report_status(request(cni::Verb::status, R"("backend":"iptables",)"));
    ADD_FAILURE() << "no failure";
  } catch (const cni::Error& error) {
    EXPECT_EQ(error.code(), cni::Code::not_available);
  }
  ::setenv("PATH", path.c_str(), 1);
}

}  // namespace
}  // namespace portmap
