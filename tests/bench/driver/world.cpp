// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/driver/world.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <functional>

#include "libcni/base/sys_error.h"

namespace bench {
namespace {

base::UniqueFd open_current() {
  base::UniqueFd fd(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!fd) base::throw_errno("open /proc/self/ns/net");
  return fd;
}

/// Runs `body` in a new namespace, and returns to the old one.
void in_new_netns(const std::function<void()>& body) {
  const base::UniqueFd home = open_current();
  if (::unshare(CLONE_NEWNET) < 0) base::throw_errno("create a network namespace");
  body();
  if (::setns(home.get(), CLONE_NEWNET) < 0) base::throw_errno("return from a namespace");
}

void set_loopback_up() {
  const base::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
  if (::ioctl(fd.get(), SIOCSIFFLAGS, &request) < 0) base::throw_errno("set lo up");
}

void mount_tmpfs(const char* path) {
  if (::mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
    base::throw_errno(std::string("mount a tmpfs on ") + path);
}

}  // namespace

void enter_private_world() {
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
    base::throw_errno("leave the machine's namespaces");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
    base::throw_errno("make the mounts private");
  mount_tmpfs("/run");
  mount_tmpfs("/var/lib");
  for (const char* folder : {"/run/netns", "/var/lib/cni", "/var/lib/cni/networks"})
    if (::mkdir(folder, 0755) < 0) base::throw_errno(std::string("create ") + folder);
}

base::UniqueFd make_host_netns() {
  base::UniqueFd made;
  in_new_netns([&] {
    set_loopback_up();
    made = open_current();
  });
  return made;
}

std::string make_sandbox(const std::string& name) {
  const std::string path = "/run/netns/" + name;
  const base::UniqueFd file(::open(path.c_str(), O_CREAT | O_EXCL | O_CLOEXEC, 0444));
  if (!file) base::throw_errno("create " + path);
  in_new_netns([&] {
    if (::mount("/proc/self/ns/net", path.c_str(), nullptr, MS_BIND, nullptr) < 0)
      base::throw_errno("bind " + path);
  });
  return path;
}

std::string describe_filesystem(const std::string& path) {
  struct statfs info {};
  if (::statfs(path.c_str(), &info) < 0) base::throw_errno("statfs " + path);
  switch (static_cast<unsigned long>(info.f_type)) {
    case TMPFS_MAGIC:
      return "tmpfs";
    case EXT4_SUPER_MAGIC:
      return "ext4";
    case XFS_SUPER_MAGIC:
      return "xfs";
    case BTRFS_SUPER_MAGIC:
      return "btrfs";
    case OVERLAYFS_SUPER_MAGIC:
      return "overlay";
    default: {
      char text[32];
      std::snprintf(text, sizeof(text), "file system %#lx",
                    static_cast<unsigned long>(info.f_type));
      return text;
    }
  }
}

}  // namespace bench
