// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "plugins/tuning/allowlist.h"
#include "plugins/tuning/apply.h"

namespace tuning {
namespace {

[[noreturn]] void not_ready(const std::string& why, const std::string& details) {
  throw cni::Error(cni::Code::not_available, why, details);
}

bool is_read_only(const char* path) {
  struct statvfs status {};
  return ::statvfs(path, &status) != 0 || (status.f_flag & ST_RDONLY) != 0;
}

/// The folder itself or, before the first ADD, its nearest existing ancestor.
std::string nearest_existing(std::string path) {
  while (path.size() > 1 && ::access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    path.resize(slash == 0 ? 1 : slash);
  }
  return path;
}

void require_writable(const std::string& path) {
  const std::string folder = nearest_existing(path);
  if (::faccessat(AT_FDCWD, (folder + "/.").c_str(), W_OK | X_OK, AT_EACCESS) != 0)
    not_ready("cannot write backup files in " + path, folder + ": " + std::strerror(errno));
}

}  // namespace

void report_status(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  try {
    require_allowed(conf.sysctls);
  } catch (const std::system_error& error) {
    not_ready(error.what(), "ADD needs to read it");
  } catch (const cni::Error& error) {
    not_ready(error.what(), error.details());
  }
  // In an unprivileged container the node's own is mounted below /host, as net::write_sysctl knows.
  if (!conf.sysctls.empty() && is_read_only("/proc/sys") && is_read_only("/host/proc/sys"))
    not_ready("cannot set sysctls: /proc/sys is read-only", "mount it writable");
  if (!conf.link.empty()) require_writable(data_dir(request.config));
}

}  // namespace tuning
