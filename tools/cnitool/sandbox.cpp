// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/sandbox.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <system_error>

#include <nlohmann/json.hpp>

#include "libcni/base/file.h"
#include "libcni/base/names.h"
#include "libcni/base/netns.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/unique_fd.h"
#include "tools/cnitool/failure.h"

namespace cnitool {
namespace {

constexpr char kNetnsDir[] = "/run/netns";

bool is_number(const std::string& text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string of_pid(const std::string& pid) {
  if (!is_number(pid)) throw UsageError("namespace \"pid:" + pid + "\": the PID is not a number");
  if (!std::filesystem::exists("/proc/" + pid)) {
    throw NotFound("no process " + pid + " exists, and no namespace of that name in " + kNetnsDir);
  }
  return "/proc/" + pid + "/ns/net";
}

std::string of_name(const std::string& name) {
  return std::string(kNetnsDir) + "/" + name;
}

std::string absolute(const std::string& path) {
  std::string clean = (std::filesystem::current_path() / path).lexically_normal().string();
  while (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  return clean;
}

/// Mount events must propagate to other mount namespaces; otherwise a runtime in its own mount
/// namespace does not see the handle.
void share_netns_dir() {
  base::ensure_directory(kNetnsDir, 0755);
  if (::mount("", kNetnsDir, "none", MS_SHARED | MS_REC, nullptr) == 0) return;
  if (errno != EINVAL) base::throw_errno("share " + std::string(kNetnsDir));
  if (::mount(kNetnsDir, kNetnsDir, "none", MS_BIND | MS_REC, nullptr) != 0 ||
      ::mount("", kNetnsDir, "none", MS_SHARED | MS_REC, nullptr) != 0) {
    base::throw_errno("share " + std::string(kNetnsDir));
  }
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> all;
  all.reserve(words.size() + 1);
  for (const auto& word : words) all.push_back(const_cast<char*>(word.c_str()));
  all.push_back(nullptr);
  return all;
}

}  // namespace

std::string netns_of(const std::string& word) {
  if (word.starts_with("pid:")) return of_pid(word.substr(4));
  if (word.empty() || word.find('/') != std::string::npos) return absolute(word);
  if (std::filesystem::exists(of_name(word))) return of_name(word);
  if (std::filesystem::exists(absolute(word))) return absolute(word);
  return is_number(word) ? of_pid(word) : of_name(word);
}

std::string derive_container_id(const std::string& netns) {
  return "cnitool-" + base::sha512_hex(netns).substr(0, 20);
}

bool is_alive(const std::string& path) {
  return base::Netns::find(path).has_value();
}

Liveness find_liveness(const std::string& path) {
  if (path.empty()) return Liveness::unknown;
  try {
    return is_alive(path) ? Liveness::alive : Liveness::gone;
  } catch (const std::system_error&) {
    return Liveness::unknown;  // such as EACCES: the state of the namespace is unknown
  }
}

std::string netns_of(const runtime::CacheEntry& entry) {
  using nlohmann::json;
  if (!entry.conf.netns.empty() || !entry.result) return entry.conf.netns;
  const auto result = json::parse(*entry.result, nullptr, false);
  const auto interfaces = result.is_object() ? result.value("interfaces", json()) : json();
  if (!interfaces.is_array()) return {};
  const auto text = [](const json& object, const char* key) {
    return object.is_object() && object.contains(key) && object[key].is_string()
               ? object[key].get<std::string>()
               : std::string();
  };
  for (const json& interface : interfaces)
    if (text(interface, "name") == entry.conf.ifname && !text(interface, "sandbox").empty())
      return text(interface, "sandbox");
  return {};
}

void require_named_netns(const std::string& path) {
  const std::filesystem::path parts(path);
  if (parts.parent_path() == kNetnsDir && parts.has_filename()) return;
  throw UsageError("\"" + path +
                   "\" is not in /run/netns: --create-netns and --rm accept only namespaces there");
}

void create_netns(const std::string& path) {
  share_netns_dir();
  const base::UniqueFd handle(::open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
  if (!handle) base::throw_errno("create namespace \"" + path + "\"");
  const base::Netns made = base::Netns::create();
  const std::string source = "/proc/self/fd/" + std::to_string(made.fd());
  if (::mount(source.c_str(), path.c_str(), "none", MS_BIND, nullptr) != 0) {
    const int failure = errno;
    ::unlink(path.c_str());
    base::throw_errno("bind namespace \"" + path + "\"", failure);
  }
}

bool remove_netns(const std::string& path) {
  // EINVAL: the file exists but no namespace is bound to it, as after a reboot.
  if (::umount2(path.c_str(), MNT_DETACH) != 0 && errno != EINVAL && errno != ENOENT) {
    base::throw_errno("unbind namespace \"" + path + "\"");
  }
  return base::remove_file(path);
}

std::string throwaway_netns() {
  return of_name("cnitool-" + base::random_veth_name().substr(4));
}

int run_inside(const std::string& netns, const std::vector<std::string>& program) {
  const base::Netns sandbox = base::Netns::open(netns);
  std::vector<char*> argv = pointers(program);
  const pid_t child = ::fork();
  if (child < 0) base::throw_errno("start \"" + program.front() + "\"");
  if (child == 0) {
    ::signal(SIGPIPE, SIG_DFL);  // which we ignore
    if (::setns(sandbox.fd(), CLONE_NEWNET) == 0) ::execvp(argv.front(), argv.data());
    ::_exit(errno == ENOENT ? 127 : 126);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) base::throw_errno("wait for \"" + program.front() + "\"");
    ::kill(child, SIGINT);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace cnitool
