// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/bird/config_file.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "libcni/base/file.h"
#include "libcni/base/sys_error.h"

namespace agent::bird {
namespace {

/// The ID of a group; nothing when it does not exist.
std::optional<gid_t> find_group(const std::string& name) {
  const group* found = name.empty() ? nullptr : ::getgrnam(name.c_str());
  if (found == nullptr) return std::nullopt;
  return found->gr_gid;
}

void move(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) base::throw_errno("replace \"" + to + "\"");
}

}  // namespace

ConfigFile::ConfigFile(const BgpConfig& config)
    : path_(config.bird_config),
      group_(config.bird_group),
      readers_(find_group(config.bird_group)) {}

std::optional<std::string> ConfigFile::find() const {
  return base::find_file(path_);
}

void ConfigFile::remove_candidate() const {
  base::remove_file(candidate());
}

void ConfigFile::accept_candidate() const {
  move(candidate(), path_);
}

void ConfigFile::restore(const std::optional<std::string>& previous) const {
  if (previous)
    write(*previous);
  else
    base::remove_file(path_);
}

void ConfigFile::replace(const std::string& path, const std::string& text) const {
  const std::string made = path + ".new";
  base::write_file_atomic(made, text, S_IRUSR | S_IWUSR);
  // Without that group, or in a container that may not change owners, BIRD runs as root.
  if (readers_ && ::chown(made.c_str(), 0, *readers_) != 0 && errno != EPERM)
    base::throw_errno("give \"" + made + "\" to group " + group_);
  if (::chmod(made.c_str(), S_IRUSR | S_IWUSR | S_IRGRP) != 0)
    base::throw_errno("set the mode of \"" + made + "\"");
  move(made, path);
}

}  // namespace agent::bird
