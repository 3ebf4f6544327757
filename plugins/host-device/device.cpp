// SPDX-License-Identifier: Apache-2.0
#include "plugins/host-device/device.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <vector>

#include "libcni/base/names.h"

namespace host_device {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 3> kUserSpaceDrivers{"vfio-pci", "uio_pci_generic",
                                                            "igb_uio"};

std::string pci_folder(const std::string& sys, const std::string& id) {
  return sys + "/bus/pci/devices/" + id;
}

std::string auxiliary_folder(const std::string& sys, const std::string& id) {
  return sys + "/bus/auxiliary/devices/" + id;
}

/// The names in a folder, sorted; none when it does not exist.
std::vector<std::string> list_names(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    names.push_back(it->path().filename());
  if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory)
    throw std::system_error(error, "list the folder \"" + folder + "\"");
  std::ranges::sort(names);
  return names;
}

std::optional<std::string> first_link_in(const std::string& device_folder) {
  const auto names = list_names(device_folder + "/net");
  return names.empty() ? std::nullopt : std::optional(names.front());
}

/// The link of a virtio device lies one level deeper.
std::optional<std::string> find_pci_link(const std::string& folder) {
  if (auto name = first_link_in(folder)) return name;
  for (const std::string& entry : list_names(folder))
    if (entry.starts_with("virtio"))
      if (auto name = first_link_in(folder + "/" + entry)) return name;
  return std::nullopt;
}

/// The folder of sysfs that the configuration names, instead of a link.
std::string folder_of(const Conf& conf, const std::string& sys) {
  if (!conf.device.empty() || conf.mac) return {};
  if (!conf.kernel_path.empty())
    return sys + conf.kernel_path.substr(std::string_view("/sys").size());
  const std::string pci = get_pci_device(conf, sys);
  if (!pci.empty()) return pci_folder(sys, pci);
  return conf.device_id.empty() ? "" : auxiliary_folder(sys, conf.device_id);
}

std::optional<net::Link> find_by_mac(net::Netlink& host, const base::Mac& mac) {
  auto links = net::list_links(host);
  const auto found = std::ranges::find(links, std::optional(mac), &net::Link::mac);
  return found == links.end() ? std::nullopt : std::optional(std::move(*found));
}

}  // namespace

std::string get_pci_device(const Conf& conf, const std::string& sys) {
  if (conf.device_id.empty()) return conf.pci_bus_id;
  if (fs::exists(pci_folder(sys, conf.device_id))) return conf.device_id;
  if (fs::exists(auxiliary_folder(sys, conf.device_id))) return {};
  throw cni::Error(cni::Code::invalid_config,
                   "runtime config DeviceID " + conf.device_id + " not found or unsupported",
                   "runtimeConfig.deviceID must be a device in /sys/bus/pci/devices or"
                   " /sys/bus/auxiliary/devices");
}

bool is_for_user_space(const Conf& conf, const std::string& sys) {
  const std::string pci_device = get_pci_device(conf, sys);
  if (pci_device.empty()) return false;
  const std::string folder = pci_folder(sys, pci_device);
  if (!fs::exists(folder))
    throw cni::Error(cni::Code::invalid_config,
                     "error with host device: PCI device " + pci_device + " not found",
                     "key pciBusID must be a device in /sys/bus/pci/devices");
  std::error_code no_driver;
  const std::string driver = fs::read_symlink(folder + "/driver", no_driver).filename();
  return std::ranges::find(kUserSpaceDrivers, driver) != kUserSpaceDrivers.end();
}

std::optional<net::Link> find_device(net::Netlink& host, const Conf& conf, const std::string& sys) {
  if (!conf.device.empty()) return net::find_link(host, conf.device);
  if (conf.mac) return find_by_mac(host, *conf.mac);
  const std::string folder = folder_of(conf, sys);
  if (folder.empty()) return std::nullopt;
  const auto name = conf.kernel_path.empty() ? find_pci_link(folder) : first_link_in(folder);
  return name ? net::find_link(host, *name) : std::nullopt;
}

void require_folder(const Conf& conf, cni::Code when_missing, const std::string& sys) {
  const std::string folder = folder_of(conf, sys);
  if (folder.empty() || fs::exists(folder)) return;
  throw cni::Error(when_missing, "host device " + folder + " not found",
                   "key kernelpath or pciBusID names a device of this machine");
}

}  // namespace host_device
