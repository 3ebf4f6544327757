// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/node_files.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "agent/drivers/network_name.h"
#include "agent/plan/reservations.h"
#include "libcni/base/file.h"
#include "libcni/json/object.h"
#include "libcni/json/writer.h"
#include "libcni/spec/error.h"

namespace agent {
namespace {

constexpr const char* kNodeJson = "/node.json";
constexpr const char* kSubnetEnv = "/subnet.env";

bool write_if_different(const std::string& path, const std::string& text) {
  if (base::find_file(path) == text) return false;
  base::ensure_directory(std::filesystem::path(path).parent_path(), 0755);
  base::write_file_atomic(path, text, 0644);
  return true;
}

bool is_valid(const std::string& directory) {
  try {
    const auto text = base::find_file(directory + kNodeJson);
    if (!text) return false;
    nodes::parse_node_json(*text, "node.json");
    return base::find_file(directory + kSubnetEnv).has_value();
  } catch (const cni::Error&) {
    return false;
  }
}

/// The built-in conflist: the pods' side of the network, and host ports. The rest is in node.json.
std::string built_in_conflist(bool bgp, const std::string& run_directory, const std::string& name) {
  json::Writer out(2);
  out.open('{');
  // Runtimes that do not know 1.1.0, such as containerd before 2.0, refuse a list whose cniVersion
  // it is; those that know it take the newest of cniVersions.
  out.member("cniVersion", "1.0.0");
  out.open("cniVersions", '[');
  for (const char* version : {"1.0.0", "1.1.0"}) out.element(version);
  out.close();
  out.member("name", name);
  out.open("plugins", '[');
  out.open('{');
  out.member("type", bgp ? "bgp" : "vxlan");
  // A pod that is an endpoint of a Service reaches itself by the Service's address: a bridge sends
  // a frame back through the port that it came from only in hairpin mode.
  if (!bgp) out.raw_member("hairpinMode", "true");
  if (run_directory != Config{}.run_dir) out.member("nodeFile", run_directory + kNodeJson);
  out.close();
  out.open('{');
  out.member("type", "portmap");
  out.raw_member("capabilities", R"({"portMappings": true})");
  out.close();
  out.close();
  out.close();
  return out.text() + '\n';
}

std::string read_template(const std::string& path) {
  std::string text = base::read_file(path);
  const auto conflist = json::Object::parse(text, path);
  if (!conflist.has("name")) conflist.refuse("name", "the name of the network");
  if (!conflist.find_objects("plugins")) conflist.refuse("plugins", "a list of plugins");
  return text;
}

}  // namespace

NodeFiles::NodeFiles(const Config& config)
    : run_(config.run_dir),
      state_(config.state_dir),
      conflist_(config.cni_conf),
      template_(config.cni_template),
      reservations_(kReservations),
      bgp_(config.fabric.backend == fabric::Backend::bgp) {}

bool NodeFiles::restore() {
  if (!is_valid(state_)) return false;
  for (const char* name : {kSubnetEnv, kNodeJson})
    if (!base::find_file(run_ + name))
      write_if_different(run_ + name, base::read_file(state_ + name));
  return true;
}

int NodeFiles::write(const nodes::NodeFile& file) {
  const std::string node_json = nodes::print_node_json(file);
  const std::string subnet_env = nodes::print_subnet_env(file);
  int written = 0;
  for (const std::string& directory : {run_, state_}) {
    written += write_if_different(directory + kSubnetEnv, subnet_env) ? 1 : 0;
    written += write_if_different(directory + kNodeJson, node_json) ? 1 : 0;
  }
  return written;
}

bool NodeFiles::write_conflist(const std::vector<base::Prefix>& ranges) {
  if (conflist_.empty()) return false;
  if (!template_.empty()) return write_if_different(conflist_, read_template(template_));
  if (network_.empty()) network_ = choose_network(name_in(conflist_), reservations_, ranges);
  return write_if_different(conflist_, built_in_conflist(bgp_, run_, network_));
}

bool NodeFiles::valid() const {
  return is_valid(run_);
}

bool NodeFiles::present() const {
  std::vector<std::string> paths{run_ + kNodeJson, run_ + kSubnetEnv, state_ + kNodeJson,
                                 state_ + kSubnetEnv};
  if (!conflist_.empty()) paths.push_back(conflist_);
  return std::ranges::all_of(paths,
                             [](const std::string& path) { return std::filesystem::exists(path); });
}

}  // namespace agent
