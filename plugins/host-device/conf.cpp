// SPDX-License-Identifier: Apache-2.0
#include "plugins/host-device/conf.h"

#include <filesystem>

#include "libcni/plugin/conf.h"

namespace host_device {
namespace {

std::optional<base::Mac> parse_mac(const json::Object& config) {
  const std::string text = config.get_string("hwaddr");
  if (text.empty()) return std::nullopt;
  if (const auto mac = base::Mac::parse(text)) return mac;
  throw cni::Error(cni::Code::invalid_config,
                   "failed to parse MAC address " + json::quote(text) + ": invalid MAC address",
                   "key hwaddr must be such as 02:00:00:00:00:2a");
}

std::string parse_kernel_path(const json::Object& config) {
  const std::string text = config.get_string("kernelpath");
  if (text.empty()) return text;
  // The path is a name, as `..` would lead out of /sys/devices.
  const std::string path = std::filesystem::path(text).lexically_normal();
  if (path.starts_with("/sys/devices/")) return path;
  throw cni::Error(
      cni::Code::invalid_config,
      "kernel device path " + json::quote(text) + " must be absolute and begin with /sys/devices/",
      "key kernelpath");
}

/// An ID is one entry of a folder of sysfs.
std::string parse_id(const json::Object& config, const char* key) {
  const std::string id = config.get_string(key);
  if (id == "." || id == ".." || id.find('/') != std::string::npos ||
      id.find('\0') != std::string::npos)
    config.refuse(key, "the name of a device on its bus, such as 0000:03:00.1");
  return id;
}

}  // namespace

Conf parse_conf(const cni::Request& request) {
  const json::Object& config = request.config;
  return {.device = config.get_string("device"),
          .mac = parse_mac(config),
          .kernel_path = parse_kernel_path(config),
          .pci_bus_id = parse_id(config, "pciBusID"),
          .device_id = parse_id(config.get_object("runtimeConfig"), "deviceID"),
          .accept_ra = config.get_bool("acceptRa", true),
          .dns = cni::find_dns(config)};
}

void require_device(const Conf& conf) {
  if (conf.names_device()) return;
  throw cni::Error(cni::Code::invalid_config,
                   R"(specify either "device", "hwaddr", "kernelpath" or "pciBusID")",
                   "or the capability deviceID, with which the runtime names a device");
}

}  // namespace host_device
