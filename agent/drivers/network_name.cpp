// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/network_name.h"

#include <exception>
#include <system_error>

#include "agent/loop/log.h"
#include "agent/plan/reservations.h"
#include "libcni/base/file.h"
#include "libcni/base/names.h"
#include "libcni/json/object.h"

namespace agent {
namespace {

constexpr const char* kUsual = "plumb";

bool has_any(const ipam::Folder& folder) {
  bool any = false;
  folder.list([&](const base::IpAddress&) { any = true; });
  return any;
}

}  // namespace

std::string name_in(const std::string& path) try {
  const auto text = base::find_file(path);
  const std::string name = text ? json::Object::parse(*text, path).get_string("name") : "";
  return base::is_identifier(name) ? name : "";
} catch (const std::exception&) {
  return {};
}

std::string choose_network(const std::string& present, const std::string& data_dir,
                           const std::vector<base::Prefix>& ranges) {
  const std::string usual = present.empty() ? kUsual : present;
  std::string best;
  std::size_t most = 0;
  bool in_use = false;
  try {
    for_each_network(data_dir, [&](const ipam::Folder& folder) {
      if (!base::is_identifier(folder.network())) return;
      in_use = in_use || (folder.network() == usual && has_any(folder));
      const std::size_t count = count_in(folder, ranges);
      if (count == 0 || count < most) return;
      best = count > most ? folder.network() : "";  // two with as many: neither
      most = count;
    });
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::no_such_file_or_directory) log(LogLevel::warning, error.what());
    return usual;
  }
  if (in_use || best.empty() || best == usual) return usual;
  log(LogLevel::info,
      "pods of network \"" + best + "\" have " + std::to_string(most) +
          " addresses of this node's ranges: the conflist for new pods gets its name");
  return best;
}

}  // namespace agent
