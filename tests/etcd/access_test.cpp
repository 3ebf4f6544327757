// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/etcd/etcd_server.h"
#include "tests/etcd/node.h"

namespace {

using test::EtcdServer;
using test::kFlannelVxlan;
using test::kNetwork;
using test::kSubnets;
using test::Node;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class EtcdTls : public testing::Test {
 protected:
  EtcdTls() {
    server.put(kNetwork + "/config", kFlannelVxlan);
    node.config.etcd.ca_file = server / "ca.crt";
    node.config.etcd.cert_file = server / "client.crt";
    node.config.etcd.key_file = server / "client.key";
  }
  EtcdServer server{{"--client-cert-auth"}, true};
  Node node{server.url(), "10.0.0.1"};
};

TEST_F(EtcdTls, ShowsItsCertificate) {
  node.start();
  EXPECT_TRUE(node.wait_for_range()) << node.state();
}

TEST_F(EtcdTls, RefusesAServerOfAnotherAuthority) {
  node.config.etcd.ca_file = server / "other.crt";
  node.start();
  EXPECT_TRUE(node.wait_for_state("certificate")) << node.state();
  EXPECT_THAT(node.state(), HasSubstr("retry in "));
}

TEST_F(EtcdTls, FollowsAnAuthorityThatIsReplaced) {
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  server.kill();
  server.make_certificates();
  server.start();
  EXPECT_TRUE(node.wait_for([&] {
    return node.source().status().watch_restarts > 0 && node.source().status().in_sync;
  })) << node.state();
}

TEST_F(EtcdTls, IsRefusedWithoutACertificate) {
  node.config.etcd.cert_file = node.config.etcd.key_file = "";
  node.start();
  EXPECT_TRUE(node.wait_for_state("retry in ")) << node.state();
  EXPECT_FALSE(node.source().status().in_sync);
}

TEST_F(EtcdTls, RefusesAKeyThatOtherUsersCanRead) {
  ::chmod((server / "client.key").c_str(), 0644);
  node.start();
  EXPECT_TRUE(node.wait_for_state("client.key\" can be read by users other than its owner"))
      << node.state();
  ::chmod((server / "client.key").c_str(), 0600);
  EXPECT_TRUE(node.wait_for_range()) << node.state();
}

// etcd 3.4, embed/serve.go: behind its gateway it does not know whose certificate it was.
TEST_F(EtcdTls, ReportsThatACertificateWithANameIsNotAcceptedWithPasswords) {
  server.ctl("role add root");
  server.ctl("user add root:rootpw");
  server.ctl("user grant-role root root");
  server.ctl("auth enable");
  node.start();
  EXPECT_TRUE(node.wait_for_state("use one without CN")) << node.state();
}

class EtcdPassword : public testing::Test {
 protected:
  EtcdPassword() {
    server.put(kNetwork + "/config", kFlannelVxlan);
    server.ctl("role add root");
    server.ctl("user add root:rootpw");
    server.ctl("user grant-role root root");
    server.ctl("role add plumb");
    server.ctl("role grant-permission plumb --prefix=true readwrite " + kNetwork + "/");
    server.ctl("user add plumb:secret");
    server.ctl("user grant-role plumb plumb");
    server.ctl("auth enable");
    server.user = "root:rootpw";
    node.config.etcd.username = "plumb";
    node.config.etcd.password_file = node.state_dir.file("password", "secret\n", 0600);
  }
  void put_node(const std::string& key, const std::string& address) {
    server.put(kSubnets + key, test::flannel_record(address));
  }
  // Unused tokens expire after a second.
  EtcdServer server{{"--auth-token-ttl=1"}};
  Node node{server.url(), "10.0.0.1"};
};

// S21: a name is not looked up before it is refused.
TEST_F(EtcdPassword, DoesNotLeaveTheMachineUnencrypted) {
  node.config.etcd.endpoints = {"http://etcd.invalid:2379"};
  node.start();
  EXPECT_TRUE(node.wait_for_state("would get the password unencrypted over the network"))
      << node.state();
}

TEST_F(EtcdPassword, GetsATokenAndANewOneWhenItExpires) {
  node.config.etcd.lease_seconds = 6;
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  // The next call comes after two seconds, with a token that is gone then.
  EXPECT_FALSE(node.wait_for([&] { return node.own_ranges().empty(); }, std::chrono::seconds(5)));
  node.source().publish({.name = node.config.node_name,
                         .addresses = node.config.addresses,
                         .mac = base::Mac::parse("02:00:00:00:00:77")});
  put_node("10.5.2.0-24", "10.0.0.2");
  ASSERT_TRUE(node.wait_for([&] { return node.has("10.0.0.2"); })) << node.state();
  EXPECT_TRUE(node.wait_for([&] {
    return server.ctl("get --prefix --print-value-only " + kSubnets).find("02:00:00:00:00:77") !=
           std::string::npos;
  })) << node.state();
}

TEST_F(EtcdPassword, WatchesAgainWithANewTokenAfterTheServerForgotIt) {
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  server.kill();
  ASSERT_TRUE(node.wait_for_state("retry in "));
  server.start();
  put_node("10.5.2.0-24", "10.0.0.2");
  ASSERT_TRUE(node.wait_for([&] { return node.has("10.0.0.2"); })) << node.state();
}

TEST_F(EtcdPassword, ReportsAWrongPasswordAndTriesAgain) {
  node.state_dir.file("password", "wrong", 0600);
  node.start();
  ASSERT_TRUE(node.wait_for_state("authentication failed, invalid user ID or password"))
      << node.state();
  EXPECT_THAT(node.state(), AllOf(HasSubstr("retry in "), Not(HasSubstr("wrong"))));
  node.state_dir.file("password", "secret", 0600);
  EXPECT_TRUE(node.wait_for_range()) << node.state();
}

TEST_F(EtcdPassword, RefusesAPasswordFileThatOtherUsersCanRead) {
  ::chmod(node.config.etcd.password_file.c_str(), 0644);
  node.start();
  ASSERT_TRUE(
      node.wait_for_state("can be read by users other than its owner: set its mode to 0600"))
      << node.state();
  EXPECT_THAT(node.state(), HasSubstr(node.config.etcd.password_file));
  ::chmod(node.config.etcd.password_file.c_str(), 0600);
  EXPECT_TRUE(node.wait_for_range()) << node.state();
}

TEST_F(EtcdPassword, NamesAPasswordFileThatIsMissing) {
  node.config.etcd.password_file = "/nonexistent/password";
  node.start();
  EXPECT_TRUE(node.wait_for_state("\"/nonexistent/password\" cannot be read: No such file"))
      << node.state();
}

TEST_F(EtcdPassword, ReportsThatAPasswordIsNeeded) {
  node.config.etcd.username = "";
  node.start();
  EXPECT_TRUE(node.wait_for_state("user name is empty")) << node.state();
}

}  // namespace
