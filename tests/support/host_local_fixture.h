// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "ipam/host-local/plugin.h"
#include "libcni/base/file.h"
#include "tests/support/plugin_process.h"
#include "tests/support/temp_dir.h"

namespace ipam_host_local::test_world {

namespace fs = std::filesystem;
using nlohmann::json;

/// host-local with a store of its own and one range for each family.
class HostLocal : public test::PluginProcess {
 protected:
  HostLocal() {
    plugin = ipam_host_local::plugin();
    configure_ipam(R"("ranges":[[{"subnet":"10.1.0.0/29"}],[{"subnet":"fd00::/125"}]])");
  }
  void configure_ipam(const std::string& members, const std::string& version = "1.1.0",
                      const std::string& more = "") {
    configure(version, R"(,"ipam":{"type":"host-local","dataDir":")" + dir.path() + "\"," +
                           members + "}" + more);
    ipam_ = members;
  }
  int call(const std::string& verb, const std::string& id, const std::string& ifname = "eth0") {
    environment["CNI_CONTAINERID"] = id;
    environment["CNI_IFNAME"] = ifname;
    return run(verb);
  }
  /// The addresses that ADD gave; none when it failed.
  std::vector<std::string> add(const std::string& id, const std::string& ifname = "eth0") {
    std::vector<std::string> addresses;
    if (call("ADD", id, ifname) != 0) return addresses;
    last_result = output;
    const json answer = json::parse(output);
    for (const json& ip : answer.at("ips")) addresses.push_back(ip.at("address"));
    return addresses;
  }
  std::string message() const { return json::parse(output).at("msg"); }
  unsigned code() const { return json::parse(output).at("code"); }
  void with_prev_result(const std::string& text) {
    configure_ipam(ipam_, "1.1.0", ",\"prevResult\":" + text);
  }
  void with_valid(const std::string& list) {
    configure_ipam(ipam_, "1.1.0", ",\"cni.dev/valid-attachments\":" + list);
  }
  /// Every file of the network with its content.
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> found;
    if (!fs::exists(dir / "net1")) return found;
    for (const auto& entry : fs::directory_iterator(dir / "net1"))
      found[entry.path().filename()] = base::read_file(entry.path());
    return found;
  }
  std::set<std::string> reserved() const {
    std::set<std::string> names;
    for (const auto& [name, content] : files())
      if (name != "lock" && !name.starts_with("last_reserved_ip.")) names.insert(name);
    return names;
  }
  void put(const std::string& name, const std::string& content) const {
    fs::create_directories(dir / "net1");
    std::ofstream(dir / "net1/" + name) << content;
  }

  test::TempDir dir;
  std::string last_result;

 private:
  std::string ipam_;
};

}  // namespace ipam_host_local::test_world
