// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/conformance/world.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

#include "libcni/base/names.h"
#include "libcni/base/sys_error.h"
#include "tools/cnitool/conformance/snapshot.h"

namespace conformance {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDigits = 8;  // of a hash, in the name of a link

SandboxKind g_kind = SandboxKind::empty;
/// The host's ends that attach_sandbox() made, by path of the sandbox.
std::map<std::string, std::vector<std::string>> g_host_ends;

void mount_or_throw(const char* source, const std::string& target, const char* type,
                    unsigned long flags) {
  if (mount(source, target.c_str(), type, flags, nullptr) != 0) {
    base::throw_errno("mount \"" + target + "\" for the conformance rows");
  }
}

void set_loopback_up() {
  const base::UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) base::throw_errno("set \"lo\" up");
}

void unshare_or_throw(int what) {
  if (unshare(what) == 0) return;
  if (errno == EPERM) {
    base::throw_errno("create namespaces for the conformance rows (run it as root)");
  }
  base::throw_errno("create namespaces for the conformance rows");
}

/// Adds the link of the host that plugins put pods on. Its other end is a router of that network.
void add_uplink() {
  ip_run({"link", "add", "uplink", "address", "02:00:00:00:00:11", "type", "veth", "peer", "name",
          "router", "address", "02:00:00:00:00:12"},
         "");
  for (const char* name : {"uplink", "router"}) ip_run({"link", "set", name, "up"}, "");
}

/// Writes the files of plumbd and flanneld for plugins that take their addresses from them.
void write_node_files() {
  fs::create_directories("/run/flannel");
  std::ofstream("/run/flannel/subnet.env")
      << "FLANNEL_NETWORK=10.88.0.0/15\nFLANNEL_SUBNET=10.89.0.1/16\nFLANNEL_MTU=1450\n"
         "FLANNEL_IPMASQ=true\n";
  fs::create_directories("/run/plumb");
  std::ofstream("/run/plumb/node.json")
      << R"({"version":1,"name":"node-a","network":["10.88.0.0/15"],"ranges":["10.89.0.0/16"],)"
      << R"("mtu":1450,"backend":"vxlan","ipMasq":false,"stale":false})";
}

}  // namespace

void enter_new_world(const std::string& binary, SandboxKind kind) {
  g_kind = kind;
  signal(SIGPIPE, SIG_IGN);
  const fs::path folder = fs::absolute(binary).parent_path();
  unshare_or_throw(CLONE_NEWNS | CLONE_NEWNET);
  mount_or_throw("none", "/", nullptr, MS_REC | MS_PRIVATE);
  // Opened in the new mount namespace, the only one that can bind it, and before the mount on /run
  // can hide it.
  const base::UniqueFd plugins(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!plugins) base::throw_errno("open \"" + folder.string() + "\"");
  mount_or_throw("conformance", "/run", "tmpfs", MS_NOSUID | MS_NODEV);
  mount_or_throw("conformance", "/var/lib", "tmpfs", MS_NOSUID | MS_NODEV);
  // The old /sys still shows the links of the namespace it was mounted in.
  mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
  for (const char* path : {kPlugins, kDoubles, kRecords, kScratch, "/run/netns"}) {
    fs::create_directories(path);
  }
  mount_or_throw(("/proc/self/fd/" + std::to_string(plugins.get())).c_str(), kPlugins, nullptr,
                 MS_BIND);
  set_loopback_up();
  add_uplink();
  make_sandbox(kSandbox);
  write_node_files();
}

void make_sandbox(const std::string& path) {
  const base::UniqueFd home = open_namespace("/proc/self/ns/net");
  std::ofstream(path).flush();
  unshare_or_throw(CLONE_NEWNET);
  const int failed =
      mount("/proc/self/ns/net", path.c_str(), nullptr, MS_BIND, nullptr) != 0 ? errno : 0;
  if (setns(home.get(), CLONE_NEWNET) != 0) base::throw_errno("return to the host's namespace");
  if (failed != 0) base::throw_errno("bind a network namespace to \"" + path + "\"", failed);
  if (g_kind == SandboxKind::attached) attach_sandbox(path, "eth0");
}

void attach_sandbox(const std::string& path, const std::string& ifname) {
  const bool plain = std::ranges::all_of(
      ifname, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '.'; });
  if (!plain || ifname.size() >= IFNAMSIZ || ifname == "." || ifname == "..") return;
  // The other end has a fixed address, too: snapshots compare one sandbox with the next.
  const std::string host_end = host_end_of(path, ifname);
  const bool added =
      ip_run({"link", "add", ifname, "address", kPrevMac, "type", "veth", "peer", "name", host_end,
              "address", kPrevHostMac, "netns", std::to_string(getpid())},
             path);
  if (!added) return;
  g_host_ends[path].push_back(host_end);
  ip_run({"link", "set", ifname, "up"}, path);
  ip_run({"link", "set", host_end, "up", "addrgenmode", "none"}, "");
  ip_run({"address", "add", kPrevAddress, "dev", ifname}, path);
}

void add_device(const std::string& name) {
  const std::string far_end = "far-" + base::sha512_hex(name).substr(0, kDigits);
  if (ip_run({"link", "add", name, "type", "veth", "peer", "name", far_end}, ""))
    ip_run({"link", "set", far_end, "up", "addrgenmode", "none"}, "");
}

bool is_device(const std::string& name) {
  return name.starts_with("dev-") || name.starts_with("far-");
}

std::string host_end_of(const std::string& path, const std::string& ifname) {
  return "veth" + base::sha512_hex(path + ":" + ifname).substr(0, kDigits);
}

void remove_sandbox(const std::string& path) {
  // The kernel removes the links some time after the namespace, which could be after the next
  // snapshot.
  for (const std::string& host_end : g_host_ends[path]) ip_run({"link", "del", host_end}, "");
  g_host_ends.erase(path);
  umount2(path.c_str(), MNT_DETACH);
  fs::remove(path);
}

base::UniqueFd open_namespace(const std::string& path) {
  base::UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct statfs where {};
  const bool is_namespace = fd && fstatfs(fd.get(), &where) == 0 && where.f_type == NSFS_MAGIC;
  return is_namespace ? std::move(fd) : base::UniqueFd();
}

std::string namespace_id(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) return {};
  return std::to_string(found.st_dev) + ":" + std::to_string(found.st_ino);
}

}  // namespace conformance
