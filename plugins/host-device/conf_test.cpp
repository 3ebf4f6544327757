// SPDX-License-Identifier: Apache-2.0
#include "plugins/host-device/conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace host_device {
namespace {

using ::testing::HasSubstr;

Conf parse(const std::string& config) {
  return parse_conf({.config = json::Object::parse(config, "test configuration")});
}

std::string refusal_of(const std::string& config) {
  try {
    parse(config);
  } catch (const cni::Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(HostDeviceConf, ReadsEachWayToNameADevice) {
  EXPECT_EQ(parse(R"({"device":"ens1"})").device, "ens1");
  EXPECT_EQ(parse(R"({"hwaddr":"02-00-00-00-00-2A"})").mac->text(), "02:00:00:00:00:2a");
  EXPECT_EQ(parse(R"({"kernelpath":"/sys/devices/a/./b"})").kernel_path, "/sys/devices/a/b");
  EXPECT_EQ(parse(R"({"pciBusID":"0000:03:00.1"})").pci_bus_id, "0000:03:00.1");
}

// S-253
TEST(HostDeviceConf, ReadsTheDeviceThatTheRuntimeChooses) {
  const Conf conf = parse(R"({"runtimeConfig":{"deviceID":"0000:03:00.1","aliases":["a"],)"
                          R"("infinibandGUID":"02:00:00:00:00:00:00:2a","cgroupPath":"/a"}})");
  EXPECT_EQ(conf.device_id, "0000:03:00.1");
  EXPECT_NO_THROW(require_device(conf));
}

TEST(HostDeviceConf, RefusesNoDevice) {
  try {
    require_device(parse("{}"));
    FAIL();
  } catch (const cni::Error& error) {
    EXPECT_EQ(error.code(), cni::Code::invalid_config);
    EXPECT_STREQ(error.what(), R"(specify either "device", "hwaddr", "kernelpath" or "pciBusID")");
  }
}

TEST(HostDeviceConf, RefusesAMacAddressThatIsNone) {
  EXPECT_THAT(refusal_of(R"({"hwaddr":"zz"})"), HasSubstr("failed to parse MAC address \"zz\""));
}

TEST(HostDeviceConf, RefusesAPathOutsideOfTheDevices) {
  for (const char* path : {"/tmp", "sys/devices/a", "/sys/devices/../class/net", "/sys/devices"})
    EXPECT_THAT(refusal_of(std::string(R"({"kernelpath":")") + path + "\"}"),
                HasSubstr("must be absolute and begin with /sys/devices/"));
}

TEST(HostDeviceConf, RefusesAnIdThatLeadsOutOfItsBus) {
  for (const char* key : {"pciBusID", "deviceID"})
    for (const char* id : {"..", ".", "a/b", "../../devices"}) {
      const std::string member = std::string("{\"") + key + "\":\"" + id + "\"}";
      EXPECT_NE(refusal_of(key == std::string("pciBusID") ? member
                                                          : "{\"runtimeConfig\":" + member + "}"),
                "accepted");
    }
}

}  // namespace
}  // namespace host_device
