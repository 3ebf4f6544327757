// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/host-device/device.h"
#include "tests/support/host/test_host.h"
#include "tests/support/temp_dir.h"

namespace host_device {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPci = "0000:03:00.1";

/// A host with the link nic0, and a folder in the place of /sys.
class HostDeviceFind : public ::testing::Test {
 protected:
  HostDeviceFind() {
    test::output_of("ip link add nic0 address 02:00:00:00:00:2a type veth peer name far0");
  }
  std::string sys() const { return folder_.path(); }
  void add_folder(const std::string& path) { fs::create_directories(sys() + "/" + path); }
  void add_driver(const std::string& name) {
    add_folder(std::string("bus/pci/devices/") + kPci);
    add_folder("bus/pci/drivers/" + name);
    fs::create_directory_symlink("../../drivers/" + name,
                                 sys() + "/bus/pci/devices/" + kPci + "/driver");
  }
  std::string find(const Conf& conf) {
    net::Netlink host;
    const auto link = find_device(host, conf, sys());
    return link ? link->name : "nothing";
  }

  test::TestHost host_;
  test::TempDir folder_;
};

TEST_F(HostDeviceFind, FindsALinkByNameOrByMacAddress) {
  EXPECT_EQ(find({.device = "nic0"}), "nic0");
  EXPECT_EQ(find({.device = "nic9"}), "nothing");
  EXPECT_EQ(find({.mac = base::Mac::parse("02:00:00:00:00:2A")}), "nic0");
  EXPECT_EQ(find({.mac = base::Mac::parse("02:00:00:00:00:99")}), "nothing");
}

TEST_F(HostDeviceFind, FindsALinkByItsAlternativeName) {
  test::output_of("ip link property add dev nic0 altname enp175s0f1np1-of-the-switch");
  EXPECT_EQ(find({.device = "enp175s0f1np1-of-the-switch"}), "nic0");
}

TEST_F(HostDeviceFind, FindsTheLinkOfAPciDeviceAndOfVirtio) {
  const std::string folder = std::string("bus/pci/devices/") + kPci;
  EXPECT_EQ(find({.pci_bus_id = kPci}), "nothing");
  add_folder(folder + "/virtio3/net/nic0");
  EXPECT_EQ(find({.pci_bus_id = kPci}), "nic0");
  add_folder(folder + "/net/far0");
  EXPECT_EQ(find({.pci_bus_id = kPci}), "far0");
}

TEST_F(HostDeviceFind, FindsTheLinkOfAPathOfTheKernel) {
  add_folder("devices/pci0000:00/0000:00:03.0/net/nic0");
  EXPECT_EQ(find({.kernel_path = "/sys/devices/pci0000:00/0000:00:03.0"}), "nic0");
  EXPECT_EQ(find({.kernel_path = "/sys/devices/other"}), "nothing");
}

// S-253
TEST_F(HostDeviceFind, TakesTheDeviceOfTheRuntimeFromEitherBus) {
  add_folder("bus/auxiliary/devices/mlx5_core.sf.4/net/far0");
  EXPECT_EQ(find({.pci_bus_id = "0000:09:00.0", .device_id = "mlx5_core.sf.4"}), "far0");
  add_folder(std::string("bus/pci/devices/") + kPci + "/net/nic0");
  EXPECT_EQ(find({.device_id = kPci}), "nic0");
  EXPECT_EQ(get_pci_device({.device_id = kPci}, sys()), kPci);
  EXPECT_EQ(get_pci_device({.device_id = "mlx5_core.sf.4"}, sys()), "");
  try {
    find({.device_id = "0000:09:00.0"});
    FAIL();
  } catch (const cni::Error& error) {
    EXPECT_STREQ(error.what(), "runtime config DeviceID 0000:09:00.0 not found or unsupported");
  }
}

TEST_F(HostDeviceFind, PrefersANameToAMacAddressToAPath) {
  add_folder("devices/a/net/far0");
  Conf conf{.device = "lo",
            .mac = base::Mac::parse("02:00:00:00:00:2a"),
            .kernel_path = "/sys/devices/a"};
  EXPECT_EQ(find(conf), "lo");
  conf.device.clear();
  EXPECT_EQ(find(conf), "nic0");
  conf.mac.reset();
  EXPECT_EQ(find(conf), "far0");
}

TEST_F(HostDeviceFind, KnowsTheDriversOfUserSpace) {
  EXPECT_FALSE(is_for_user_space({.device = "nic0"}, sys()));
  EXPECT_THROW(is_for_user_space({.pci_bus_id = kPci}, sys()), cni::Error);
  for (const auto& [driver, is] : {std::pair{"mlx5_core", false},
                                   {"vfio-pci", true},
                                   {"igb_uio", true},
                                   {"uio_pci_generic", true}}) {
    add_driver(driver);
    EXPECT_EQ(is_for_user_space({.pci_bus_id = kPci}, sys()), is) << driver;
    fs::remove(sys() + "/bus/pci/devices/" + kPci + "/driver");
  }
  EXPECT_FALSE(is_for_user_space({.pci_bus_id = kPci}, sys()));
}

TEST_F(HostDeviceFind, MissesADeviceThatTheMachineDoesNotHave) {
  const Conf conf{.pci_bus_id = kPci};
  EXPECT_THROW(require_folder(conf, cni::Code::not_available, sys()), cni::Error);
  add_folder(std::string("bus/pci/devices/") + kPci);
  EXPECT_NO_THROW(require_folder(conf, cni::Code::not_available, sys()));
  EXPECT_NO_THROW(require_folder({.device = "nic9"}, cni::Code::not_available, sys()));
}

}  // namespace
}  // namespace host_device
