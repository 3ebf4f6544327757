// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "agent/drivers/bird/render.h"
#include "libcni/base/file.h"
#include "libcni/base/unique_fd.h"
#include "libcni/spec/error.h"

namespace agent::bird {
namespace {

constexpr std::size_t kLongestKey = 80;  // TCP_MD5SIG_MAXKEYLEN of the kernel

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw cni::Error(cni::Code::invalid_config, "BGP password file \"" + path + "\" " + why);
}

std::string read_secret(const std::string& path) {
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0)
    refuse(path, "cannot be read: " + std::generic_category().message(errno));
  if (!S_ISREG(info.st_mode)) refuse(path, "is not a regular file");
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    refuse(path, "can be read by users other than its owner: set its mode to 0600 or 0400");
  std::string secret = base::read_all(fd.get(), path);
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
  const bool printable =
      std::ranges::all_of(secret, [](char c) { return c >= ' ' && c <= '~' && c != '"'; });
  if (secret.empty() || secret.size() > kLongestKey || !printable)
    refuse(path, "must hold 1 to 80 printable characters without a quotation mark");
  return secret;
}

}  // namespace

Secrets read_secrets(const Configuration& desired) {
  Secrets secrets;
  for (const Session& session : desired.sessions)
    if (!session.password_file.empty() && !secrets.contains(session.password_file))
      secrets[session.password_file] = read_secret(session.password_file);
  return secrets;
}

}  // namespace agent::bird
