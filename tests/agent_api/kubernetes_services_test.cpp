// SPDX-License-Identifier: Apache-2.0
// Services and their endpoints, and a source that speaks TLS with a certificate of its own.
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/file.h"
#include "libcni/base/netns.h"
#include "libcni/runtime/base64.h"
#include "tests/agent_api/kubernetes_world.h"

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace test {
namespace {

constexpr const char* kNodes = "/api/v1/nodes\\?limit=500";
constexpr const char* kServices = "/api/v1/services\\?limit=500";
constexpr const char* kSlices = "/apis/discovery.k8s.io/v1/endpointslices\\?limit=500";
constexpr const char* kAnyWatch = ".*\\?watch=1.*";

class KubernetesServicesTest : public KubernetesWorld {
 protected:
  KubernetesServicesTest() {
    config.kubernetes.watch_services = true;
    server.replay(kNodes, "nodes-list-200.http");
    auto watch = quiet(kAnyWatch);
    watch["times"] = 0;
    server.exchange(watch);
  }
  static std::string service(const char* type, const char* policy,
                             const char* internal = "Cluster") {
    return nlohmann::json{
        {"type", type},
        {"object",
         {{"metadata", {{"namespace", "shop"}, {"name", "web"}, {"resourceVersion", "9"}}},
          {"spec",
           {{"clusterIP", "10.96.1.1"},
            {"clusterIPs", {"10.96.1.1", "fd00:96::1"}},
            {"externalIPs", {"198.51.100.9"}},
            {"externalTrafficPolicy", policy},
            {"internalTrafficPolicy", internal}}},
          {"status", {{"loadBalancer", {{"ingress", {{{"ip", "203.0.113.10"}}}}}}}}}}}
        .dump();
  }
};

TEST_F(KubernetesServicesTest, ArePublishedTogetherWithTheNodes) {
  server.replay(kServices, "services-list-200.http", {{"pause", 0.02}, {"chunk", 700}});
  server.replay(kSlices, "endpointslices-list-200.http");
  start();
  turn_until([&] { return source->status().in_sync; });
  EXPECT_EQ(changes, 1);
  const auto& services = source->snapshot().services;
  ASSERT_EQ(services.size(), 2u);
  EXPECT_EQ(services[0].name, "default/kubernetes");
  EXPECT_EQ(services[1].name, "shop/web");
  EXPECT_THAT(services[1].endpoint_nodes, IsEmpty()) << "of no interest without policy Local";
  EXPECT_EQ(source->snapshot().nodes.size(), 3u);
}

TEST_F(KubernetesServicesTest, NameTheNodesWithEndpointsUnderPolicyLocal) {
  server.replay(kServices, "services-list-200.http");
  server.replay(kSlices, "endpointslices-list-200.http");
  start();
  turn_until([&] { return source->status().in_sync; });
  server.push(service("MODIFIED", "Local"));  // the two other watches overlook it: no such node
  turn_until([&] { return changes > 1; });
  const agent::Service web = source->snapshot().services.at(1);
  EXPECT_TRUE(web.local_policy);
  EXPECT_THAT(web.endpoint_nodes, ElementsAre("node1"));
  EXPECT_EQ(web.cluster_ips.at(1).text(), "fd00:96::1");
  EXPECT_EQ(web.external_ips.at(0).text(), "198.51.100.9");
  EXPECT_EQ(web.load_balancer_ips.at(0).text(), "203.0.113.10");
}

// K7
TEST_F(KubernetesServicesTest, NameTheNodesWithEndpointsUnderInternalPolicyLocal) {
  server.replay(kServices, "services-list-200.http");
  server.replay(kSlices, "endpointslices-list-200.http");
  start();
  turn_until([&] { return source->status().in_sync; });
  server.push(service("MODIFIED", "Cluster", "Local"));
  turn_until([&] { return changes > 1; });
  const agent::Service web = source->snapshot().services.at(1);
  EXPECT_FALSE(web.local_policy);
  EXPECT_TRUE(web.internal_local_policy);
  EXPECT_THAT(web.endpoint_nodes, ElementsAre("node1"));
}

TEST_F(KubernetesServicesTest, ThatMayNotBeReadDoNotHoldUpTheNodes) {
  server.respond(kServices, "403 Forbidden", status_body(403, "services is forbidden"),
                 {{"times", 0}});
  server.replay(kSlices, "endpointslices-list-200.http");
  start();
  turn_until([&] { return changes == 1; });
  EXPECT_EQ(source->snapshot().nodes.size(), 3u);
  EXPECT_THAT(source->snapshot().problems, ElementsAre(HasSubstr("\"list\" on \"services\"")));
  EXPECT_FALSE(source->status().in_sync);
}

TEST_F(KubernetesServicesTest, ThatAreNotKnownYetHoldBackTheSnapshot) {
  server.respond(kServices, "503 Service Unavailable", "", {{"times", 3}});
  server.replay(kSlices, "endpointslices-list-200.http");
  start();
  turn_until([&] { return source->status().errors == 3; });
  EXPECT_EQ(changes, 0) << "a restart must not withdraw every service";
  server.replay(kServices, "services-list-200.http");
  turn_until([&] { return changes == 1; });
}

class KubernetesTlsTest : public KubernetesWorld {
 protected:
  KubernetesTlsTest()
      : KubernetesWorld({{"cert", certificates() / "server.crt"},
                         {"key", certificates() / "server.key"},
                         {"client_ca", certificates() / "ca.crt"}}) {
    server.replay(kNodes, "nodes-list-200.http", {{"chunk", 11}});
    server.replay(kAnyWatch, "nodes-watch-200.http", {{"chunk", 11}, {"after", "hold"}});
  }
  static const Certificates& certificates() {
    static const Certificates made;
    return made;
  }
};

TEST_F(KubernetesTlsTest, FollowsByCertificateFiles) {
  write_kubeconfig(", certificate-authority: " + certificates() / "ca.crt",
                   "client-certificate: " + (certificates() / "client.crt") +
                       ", client-key: " + (certificates() / "client.key"));
  start();
  turn_until([&] { return names() == "node1 node2 "; });
  for (const auto& request : server.requests()) EXPECT_EQ(request["client"], "client");
}

TEST_F(KubernetesTlsTest, FollowsByInlineData) {
  const auto data = [](const char* name) {
    return runtime::encode_base64(base::read_file(certificates() / name));
  };
  write_kubeconfig(", certificate-authority-data: " + data("ca.crt"),
                   "client-certificate-data: " + data("client.crt") +
                       ", client-key-data: " + data("client.key"));
  start();
  turn_until([&] { return names() == "node1 node2 "; });
}

TEST_F(KubernetesTlsTest, AcceptsNoOtherAuthority) {
  write_kubeconfig(", certificate-authority: " + certificates() / "other.crt", "tokenFile: token");
  start();
  turn_until([&] { return source->status().errors > 1; });
  EXPECT_THAT(source->status().state, HasSubstr("certificate"));
  EXPECT_THAT(server.requests(), IsEmpty()) << "no token is sent to an unknown server";
}

/// A world in which the network can be cut without a word.
class HalfOpenTest : public testing::Test {
 protected:
  static void set_loopback(bool up) {
    const base::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{.ifr_ifrn = {.ifrn_name = "lo"},
                  .ifr_ifru = {.ifru_flags = static_cast<short>(up ? IFF_UP : 0)}};
    ASSERT_EQ(::ioctl(fd.get(), SIOCSIFFLAGS, &request), 0);
  }
  struct World : KubernetesWorld {
    void TestBody() override {
      timing.dead_after = std::chrono::seconds(2);
      server.replay(kNodes, "nodes-list-200.http");
      server.exchange(quiet(kAnyWatch));
      server.replay(kAnyWatch, "nodes-watch-200.http", {{"after", "hold"}});
      start();
      turn_until([&] { return source->status().in_sync; });
      set_loopback(false);
      turn_until([&] { return !source->status().in_sync; });
      EXPECT_EQ(names(), "node1 node2 node3 ");
      set_loopback(true);
      turn_until([&] { return names() == "node1 node2 "; });
      EXPECT_EQ(source->status().relists, 0u);
    }
  };
};

TEST_F(HalfOpenTest, WatchesAreNoticedAndContinued) {
  base::Netns::create().run([] {
    set_loopback(true);
    World().TestBody();
  });
}

}  // namespace
}  // namespace test
