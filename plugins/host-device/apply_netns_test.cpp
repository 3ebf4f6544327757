// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/host-device/apply.h"
#include "tests/support/host/test_host.h"

namespace host_device {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kIpam = R"(
echo "$CNI_COMMAND" >> $DIR/log
[ -e $DIR/broken ] && echo '{"code":7,"msg":"broken"}' && exit 1
[ -e $DIR/v6 ] && v6=',{"address":"fd00:85::5/64","gateway":"fd00:85::1"}'
[ "$CNI_COMMAND" = ADD ] && cat <<END
{"cniVersion":"1.1.0","ips":[{"address":"10.85.0.5/24","gateway":"10.85.0.1"}$v6],
 "routes":[{"dst":"0.0.0.0/0"}]}
END
exit 0)";
constexpr const char* kMac = "02:00:00:00:00:2a";

/// A host with the device nic0, which is down, and whose other end is a machine of the network.
class HostDeviceApply : public ::testing::Test {
 protected:
  HostDeviceApply() {
    host_.install_ipam(kIpam);
    test::output_of("ip link add nic0 address 02:00:00:00:00:2a type veth peer name far0");
    test::output_of("ip link add nic1 address 02:00:00:00:00:2b type veth peer name far1");
    test::output_of("ip link set far0 up; ip link set far1 up");
  }
  cni::Request request(cni::Verb verb, const std::string& more = {},
                       const std::string& device = R"("device":"nic0")") {
    return host_.request(verb,
                         R"({"cniVersion":"1.1.0","name":"net1","type":"host-device",)" + device +
                             R"(,"ipam":{"type":"fake"})" + more + "}",
                         sandbox_);
  }
  cni::Request after(cni::Verb verb, const cni::Result& result, const std::string& more = {}) {
    auto request = this->request(verb, more);
    request.prev_result = result;
    return request;
  }
  test::oracle::Lines links_inside() { return read_in(sandbox_, test::oracle::links); }
  test::oracle::Lines links_on_host() { return test::oracle::links(); }
  void in_pod(const std::string& command) { test::output_in(sandbox_, command); }
  /// Moves the device as the kernel does when its namespace ends.
  void end_namespace() {
    const base::Netns home = base::Netns::current();
    in_pod("ip link set eth0 netns /proc/" + std::to_string(::getpid()) + "/fd/" +
           std::to_string(home.fd()));
  }
  void expect_returned() {
    EXPECT_THAT(links_on_host(), Contains(AllOf(HasSubstr("nic0 veth down"), HasSubstr(kMac),
                                                Not(HasSubstr("alias")))));
    EXPECT_THAT(links_inside(), Not(Contains(HasSubstr("veth"))));
  }

  test::TestHost host_;
  test::TestHost::Sandbox sandbox_ = host_.add_sandbox();
};

// S-221
TEST_F(HostDeviceApply, ResultIsTheKernelsState) {
  test::output_of("touch " + host_.path() + "/v6");
  const cni::Result result = add(request(cni::Verb::add));
  ASSERT_EQ(result.interfaces.size(), 1U);
  EXPECT_EQ(result.interfaces[0].name, "eth0");
  EXPECT_EQ(result.interfaces[0].mac, kMac);
  EXPECT_EQ(result.interfaces[0].sandbox, sandbox_.path);
  EXPECT_EQ(result.ips.at(1).interface, 0);
  EXPECT_THAT(links_inside(),
              Contains(AllOf(HasSubstr("eth0 veth up"), HasSubstr(kMac), HasSubstr("alias nic0"))));
  EXPECT_THAT(links_on_host(), Not(Contains(HasSubstr("nic0"))));
  EXPECT_THAT(read_in(sandbox_, test::oracle::addresses),
              AllOf(Contains(HasSubstr("eth0 10.85.0.5/24")), Contains("eth0 fd00:85::5/64")));
  EXPECT_THAT(read_in(sandbox_, test::oracle::routes),
              Contains(HasSubstr("main default via 10.85.0.1 dev eth0")));
}

TEST_F(HostDeviceApply, DelBringsTheDeviceBackWithItsNameAndWithoutAddresses) {
  add(request(cni::Verb::add));
  remove(request(cni::Verb::del));
  expect_returned();
  EXPECT_THAT(test::oracle::addresses(), Not(Contains(HasSubstr("nic0"))));
  EXPECT_NO_THROW(remove(request(cni::Verb::del)));
  EXPECT_EQ(host_.read("log"), "ADD\nDEL\nDEL\n");
  EXPECT_NO_THROW(add(request(cni::Verb::add)));
}

TEST_F(HostDeviceApply, FindsTheDeviceByItsMacAddress) {
  const std::string by_mac = R"("hwaddr":"02:00:00:00:00:2A")";
  EXPECT_EQ(add(request(cni::Verb::add, "", by_mac)).interfaces[0].mac, kMac);
  remove(request(cni::Verb::del, "", by_mac));
  expect_returned();
}

TEST_F(HostDeviceApply, AFailedAddMovesTheDeviceBackAsItWas) {
  test::output_of("ip link set nic0 up alias 'port 7 of the switch'");
  test::output_of("touch " + host_.path() + "/broken");
  EXPECT_THROW(add(request(cni::Verb::add)), cni::Error);
  EXPECT_THAT(links_on_host(),
              Contains(AllOf(HasSubstr("nic0 veth up"), HasSubstr("alias port 7 of the switch"))));
  EXPECT_THAT(links_inside(), Not(Contains(HasSubstr("veth"))));
}

TEST_F(HostDeviceApply, AMissingDeviceIsNamedBeforeAnAddressIsTaken) {
  try {
    add(request(cni::Verb::add, R"(,"device":"nic9")"));
    FAIL();
  } catch (const cni::Error& error) {
    EXPECT_STREQ(error.what(), "failed to find host device: Link not found");
  }
  EXPECT_EQ(host_.read("log"), "");
}

TEST_F(HostDeviceApply, ADeviceThatCannotMoveStays) {
  EXPECT_THROW(add(request(cni::Verb::add, R"(,"device":"lo")")), std::system_error);
  EXPECT_THAT(links_on_host(), Contains(HasSubstr("lo ")));
  EXPECT_EQ(host_.read("log"), "");
}

TEST_F(HostDeviceApply, TheSandboxMayHaveALinkWithTheNameOfTheDevice) {
  in_pod("ip link add nic0 type veth peer name other0");
  add(request(cni::Verb::add));
  in_pod("ip link del nic0");
  remove(request(cni::Verb::del));
  expect_returned();
}

TEST_F(HostDeviceApply, TheHostMayHaveALinkWithTheNameInThePod) {
  test::output_of("ip link add eth0 type veth peer name other0");
  add(request(cni::Verb::add));
  remove(request(cni::Verb::del));
  expect_returned();
  EXPECT_THAT(links_on_host(), Contains(HasSubstr("eth0 veth")));
}

TEST_F(HostDeviceApply, WithoutIpamTheDeviceHasNoAddress) {
  const cni::Result result = add(request(cni::Verb::add, R"(,"ipam":{})"));
  EXPECT_TRUE(result.ips.empty());
  EXPECT_THAT(links_inside(), Contains(HasSubstr("eth0 veth up")));
  EXPECT_NO_THROW(verify(after(cni::Verb::check, result, R"(,"ipam":{})")));
}

TEST_F(HostDeviceApply, CheckNoticesEachDifference) {
  const cni::Result result = add(request(cni::Verb::add));
  const cni::Request check = after(cni::Verb::check, result);
  EXPECT_NO_THROW(verify(check));
  in_pod("ip address add 10.86.0.1/24 dev eth0; ip link set eth0 mtu 1300");
  EXPECT_NO_THROW(verify(check));
  in_pod("ip link set eth0 alias ''");
  EXPECT_THROW(verify(check), cni::Error);
  in_pod("ip link set eth0 alias nic0; ip link set eth0 address 02:00:00:00:00:99");
  EXPECT_THROW(verify(check), cni::Error);
  in_pod("ip link set eth0 address 02:00:00:00:00:2a; ip address del 10.85.0.5/24 dev eth0");
  EXPECT_THROW(verify(check), cni::Error);
  in_pod("ip link set eth0 down; ip link set eth0 name other0");
  EXPECT_THROW(verify(check), cni::Error);
}

// The reference fails for ever: "Link not found".
TEST_F(HostDeviceApply, DelFindsADeviceThatThePodHasRenamed) {
  add(request(cni::Verb::add));
  in_pod("ip link set eth0 down; ip link set eth0 name other0");
  remove(request(cni::Verb::del));
  expect_returned();
}

TEST_F(HostDeviceApply, DelFindsADeviceWhoseAliasIsGone) {
  const cni::Result result = add(request(cni::Verb::add));
  in_pod("ip link set eth0 alias ''");
  remove(after(cni::Verb::del, result));
  expect_returned();
}

TEST_F(HostDeviceApply, DelFindsADeviceWhoseMacAddressHasChanged) {
  const cni::Result result = add(request(cni::Verb::add));
  in_pod("ip link set eth0 address 02:00:00:00:00:99");
  remove(after(cni::Verb::del, result));
  EXPECT_THAT(links_on_host(), Contains(HasSubstr("nic0 veth down")));
}

TEST_F(HostDeviceApply, DelNeedsNoConfigurationOfTheDevice) {
  add(request(cni::Verb::add));
  remove(request(cni::Verb::del, R"(,"hwaddr":"zz")", R"("kernelpath":"/tmp")"));
  expect_returned();
}

// The configuration may have changed since ADD.
TEST_F(HostDeviceApply, DelGoesByTheResultWhenTheConfigurationNamesAnotherDevice) {
  const cni::Result result = add(request(cni::Verb::add));
  remove(after(cni::Verb::del, result, R"(,"device":"nic1")"));
  expect_returned();
}

// The runtime answers a refused ADD with a DEL.
TEST_F(HostDeviceApply, DelOfAnotherNetworkLeavesTheDevice) {
  const cni::Result result = add(request(cni::Verb::add));
  for (const char* other : {R"("device":"nic1")", R"("hwaddr":"02:00:00:00:00:2b")"}) {
    EXPECT_THROW(add(request(cni::Verb::add, "", other)), cni::Error);
    remove(request(cni::Verb::del, "", other));
    EXPECT_NO_THROW(verify(after(cni::Verb::check, result)));
    EXPECT_THAT(links_on_host(), Contains(HasSubstr("nic1 veth down")));
  }
}

TEST_F(HostDeviceApply, DelLeavesALinkOfAnotherPlugin) {
  for (const char* alias : {"", "plumb:net2/c1/eth0", "an operator's words"}) {
    in_pod("ip link add eth0 type veth peer name other0");
    in_pod(std::string("ip link set eth0 alias \"") + alias + "\"");
    remove(request(cni::Verb::del));
    EXPECT_THAT(links_inside(), Contains(HasSubstr("eth0 veth"))) << alias;
    in_pod("ip link del eth0");
  }
}

// The reference fails for ever when the path is missing, and keeps the address when it is empty.
TEST_F(HostDeviceApply, DelWithoutNamespaceReleasesTheAddress) {
  cni::Request del = request(cni::Verb::del);
  del.netns.clear();
  del.sandbox.reset();
  EXPECT_NO_THROW(remove(del));
  EXPECT_EQ(host_.read("log"), "DEL\n");
}

TEST_F(HostDeviceApply, DelNamesADeviceThatCameBackWithItsNamespace) {
  add(request(cni::Verb::add));
  end_namespace();
  cni::Request del = request(cni::Verb::del);
  del.sandbox.reset();
  remove(del);
  expect_returned();
}

// The host has a link of the name in the pod: the kernel calls the device dev0.
TEST_F(HostDeviceApply, DelNamesADeviceThatTheKernelHasNamed) {
  const std::string by_mac = R"("hwaddr":"02:00:00:00:00:2a")";
  const cni::Result result = add(request(cni::Verb::add, "", by_mac));
  end_namespace();
  test::output_of("ip link set eth0 name dev0");
  cni::Request del = request(cni::Verb::del, "", by_mac);
  del.sandbox.reset();
  remove(del);
  EXPECT_THAT(links_on_host(), Contains(HasSubstr("dev0 veth")));
  del.prev_result = result;
  remove(del);
  expect_returned();
}

TEST_F(HostDeviceApply, DelKeepsTheDeviceWhileTheHostHasItsName) {
  add(request(cni::Verb::add));
  test::output_of("ip link add nic0 type veth peer name other0");
  try {
    remove(request(cni::Verb::del));
    FAIL();
  } catch (const cni::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("the host has a link \"nic0\""));
  }
  EXPECT_THAT(links_inside(), Contains(HasSubstr("eth0 veth")));
  test::output_of("ip link del nic0");
  remove(request(cni::Verb::del));
  expect_returned();
}

TEST_F(HostDeviceApply, GcNamesADeviceThatCameBackWithItsNamespace) {
  add(request(cni::Verb::add));
  const cni::Request gc = request(cni::Verb::gc);
  collect_garbage(gc);
  EXPECT_THAT(links_inside(), Contains(HasSubstr("eth0 veth up")));
  end_namespace();
  collect_garbage(gc);
  expect_returned();
  EXPECT_EQ(host_.read("log"), "ADD\nGC\nGC\n");
}

// Debian's plugin leaves the alias on the device.
TEST_F(HostDeviceApply, GcAndDelLeaveADeviceOfTheHostWithAnAlias) {
  for (const char* command : {"ip link set nic0 alias nic0", "ip link set nic0 alias nic7",
                              "ip link set nic1 up alias nic0"})
    for (const char* device : {R"("device":"nic0")", R"("hwaddr":"02:00:00:00:00:2a")"}) {
      test::output_of(command);
      const auto before = links_on_host();
      collect_garbage(request(cni::Verb::gc, "", device));
      remove(request(cni::Verb::del, "", device));
      EXPECT_EQ(links_on_host(), before) << command;
    }
}

TEST_F(HostDeviceApply, StatusIsThatOfIpamWhileAPodHasTheDevice) {
  add(request(cni::Verb::add));
  EXPECT_NO_THROW(report_status(request(cni::Verb::status)));
  EXPECT_THROW(report_status(request(cni::Verb::status, "", R"("pciBusID":"ffff:99:00.0")")),
               cni::Error);
}

}  // namespace
}  // namespace host_device
