// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "libcni/base/file.h"
#include "libcni/json/writer.h"
#include "libcni/nodes/node_file.h"

namespace nodes {
namespace {

void read_path(const json::Object& config, const char* key, std::string& path) {
  const std::string given = config.get_string(key);
  if (given.empty()) return;
  if (!given.starts_with('/')) config.refuse(key, "an absolute path");
  path = given;
}

}  // namespace

NodeFilePaths parse_node_file_paths(const json::Object& config) {
  NodeFilePaths paths;
  read_path(config, "nodeFile", paths.node_json);
  read_path(config, "subnetFile", paths.subnet_env);
  return paths;
}

std::optional<NodeFile> find_node_file(const NodeFilePaths& paths, cni::Code when_unusable) try {
  if (const auto text = base::find_file(paths.node_json, base::kMostInSmallFile))
    return parse_node_json(*text, paths.node_json);
  if (const auto text = base::find_file(paths.subnet_env, base::kMostInSmallFile))
    return parse_subnet_env(*text, paths.subnet_env);
  return std::nullopt;
} catch (const cni::Error& error) {
  throw cni::Error(when_unusable, error.what(),
                   "plumbd of the plugins' version replaces it when it starts; `plumbd status` on "
                   "this node shows whether it runs");
}

NodeFile get_node_file(const NodeFilePaths& paths, cni::Code when_unusable) {
  if (auto file = find_node_file(paths, when_unusable)) return *std::move(file);
  throw cni::Error(when_unusable,
                   "no " + paths.node_json + ": plumbd has not finished its first reconcile",
                   "nor is there " + paths.subnet_env +
                       "; `plumbd status` on this node shows what it waits for");
}

std::vector<base::Prefix> ranges_of_new_pods(const NodeFile& file) {
  std::vector<base::Prefix> ranges = file.ranges;
  std::erase_if(ranges, [&](const base::Prefix& range) {
    return std::ranges::find(file.former, range) != file.former.end();
  });
  return ranges;
}

std::string make_removal_ipam(const json::Object& ipam) {
  return ipam.text_with(
      {{"type", R"("host-local")"}, {"ranges", R"([[{"subnet":"192.0.2.0/24"}]])"}});
}

std::string make_ipam(const json::Object& ipam, std::span<const base::Prefix> ranges) {
  json::Writer sets;
  sets.open('[');
  for (const bool v4 : {true, false})
    for (const base::Prefix& range : ranges) {
      if (range.address.is_v4() != v4) continue;
      sets.open('[');
      sets.open('{');
      sets.member("subnet", range.text());
      sets.close();
      sets.close();
      break;
    }
  sets.close();
  return ipam.text_with({{"type", R"("host-local")"}, {"ranges", sets.text()}});
}

}  // namespace nodes
