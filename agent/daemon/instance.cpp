// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/instance.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <system_error>

#include "agent/config/version.h"
#include "agent/loop/log.h"
#include "libcni/base/file.h"
#include "libcni/base/gone.h"
#include "libcni/base/sys_error.h"
#include "libcni/spec/error.h"

namespace agent {
namespace {

/// The format of the state directory; raised when an older plumbd cannot read it any more.
constexpr int kFormat = 1;

std::string lock_path(const std::string& directory) {
  return directory + "/lock";
}

base::UniqueFd open_lock(const std::string& directory, int flags) {
  const std::string path = lock_path(directory);
  base::UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, 0644));
  if (!fd && !base::is_gone(errno, base::Object::file)) base::throw_errno("open " + path);
  return fd;
}

bool try_lock(int fd, const std::string& directory) {
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
  if (errno != EWOULDBLOCK) base::throw_errno("lock " + lock_path(directory));
  return false;
}

std::string read_holder(const std::string& directory) {
  std::string text = base::find_file(lock_path(directory)).value_or("");
  if (const auto end = text.find('\n'); end != text.npos) text.resize(end);
  return text.empty() ? "an unknown process" : text;
}

base::UniqueFd take(const std::string& directory) {
  base::ensure_directory(directory, 0755);
  base::UniqueFd fd = open_lock(directory, O_RDWR | O_CREAT);
  if (!fd) base::throw_errno("open " + lock_path(directory), ENOENT);
  if (!try_lock(fd.get(), directory))
    throw cni::Error(cni::Code::try_again_later,
                     "another plumbd uses " + directory + " (" + read_holder(directory) +
                         "); stop it, or give this one its own stateDir and runDir");
  const std::string text = "pid " + std::to_string(::getpid()) + ", version " + kVersion + "\n";
  try {
    if (::ftruncate(fd.get(), 0) != 0) base::throw_errno("write " + lock_path(directory));
    base::write_all(fd.get(), text, lock_path(directory));
  } catch (const std::system_error& error) {
    // The text only informs people; a full disk must not keep the node from working.
    log(LogLevel::warning, error.what());
  }
  return fd;
}

void write_format(const std::string& path) {
  try {
    base::write_file_atomic(path, std::to_string(kFormat) + "\n", 0644);
  } catch (const std::system_error& error) {
    log(LogLevel::warning, error.what());
  }
}

void check_format(const std::string& directory) {
  const std::string path = directory + "/format";
  const auto text = base::find_file(path);
  if (!text) return write_format(path);
  int format = 0;
  std::from_chars(text->data(), text->data() + text->size(), format);
  if (format < 1 || format > kFormat)
    throw cni::Error(cni::Code::incompatible_version,
                     path + " says format " + text->substr(0, text->find('\n')) + ", but plumbd " +
                         kVersion + " knows 1 to " + std::to_string(kFormat) +
                         "; run the newer plumbd");
}

}  // namespace

std::optional<std::string> find_holder(const std::string& directory) {
  const base::UniqueFd fd = open_lock(directory, O_RDONLY);
  if (!fd || try_lock(fd.get(), directory)) return std::nullopt;
  return read_holder(directory);
}

Instance::Instance(const Config& config)
    : state_lock_(take(config.state_dir)),
      run_lock_(config.run_dir == config.state_dir ? base::UniqueFd() : take(config.run_dir)) {
  check_format(config.state_dir);
}

}  // namespace agent
