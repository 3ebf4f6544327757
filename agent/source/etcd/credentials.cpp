// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/credentials.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "agent/http/url.h"
#include "libcni/base/file.h"
#include "libcni/base/unique_fd.h"
#include "libcni/json/object.h"
#include "libcni/spec/error.h"

namespace agent::etcd {
namespace {

base::UniqueFd open_secret(const std::string& path, const std::string& what) {
  base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0)
    throw cni::Error(cni::Code::invalid_config,
                     what + " cannot be read: " + std::generic_category().message(errno));
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    throw cni::Error(
        cni::Code::invalid_config,
        what + " can be read by users other than its owner: set its mode to 0600 or 0400");
  return fd;
}

}  // namespace

std::string read_password(const std::string& path) {
  const std::string what = "etcd password file \"" + path + "\"";
  std::string password = base::read_all(open_secret(path, what).get(), what);
  password.resize(std::min(password.size(), password.find_first_of("\r\n")));
  if (password.empty()) throw cni::Error(cni::Code::invalid_config, what + " is empty");
  return password;
}

void check_key(const std::string& path) {
  open_secret(path, "etcd key file \"" + path + "\"");
}

std::optional<std::string> find_exposure(const EtcdConfig& config) {
  if (config.insecure || config.username.empty()) return std::nullopt;
  for (const std::string& endpoint : config.endpoints)
    if (!endpoint.starts_with("https://") && !is_this_machine(endpoint))
      return json::excerpt(endpoint) +
             " would get the password unencrypted over the network: use https://, or set "
             "`etcd.insecure: true`";
  return std::nullopt;
}

}  // namespace agent::etcd
