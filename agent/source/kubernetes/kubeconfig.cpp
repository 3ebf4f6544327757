// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>

#include "agent/source/kubernetes/credentials.h"
#include "libcni/base/file.h"
#include "libcni/runtime/base64.h"
#include "libcni/spec/error.h"

namespace agent::kubernetes {
namespace {

/// Reads a kubeconfig; every message begins with `path_`.
class Kubeconfig {
 public:
  explicit Kubeconfig(const std::string& path) : path_(path) {
    try {
      root_ = YAML::Load(base::read_file(path));
    } catch (const YAML::Exception& error) {
      refuse("is not YAML: " + std::string(error.what()));
    }
    if (!root_.IsMap())
      refuse("is not a kubeconfig: it must be a map with clusters, users and contexts");
  }

  Credentials read() const {
    const std::string current = text(root_, "current-context");
    if (current.empty()) refuse("has no current-context");
    const YAML::Node context = named("contexts", current, "context");
    const YAML::Node cluster = named("clusters", text(context, "cluster"), "cluster");
    const YAML::Node user = named("users", text(context, "user"), "user");
    Credentials credentials{.server = text(cluster, "server")};
    while (credentials.server.ends_with('/')) credentials.server.pop_back();
    if (!credentials.server.starts_with("https://") && !credentials.server.starts_with("http://"))
      refuse("server \"" + credentials.server + "\" must be https://HOST:PORT");
    credentials.proxy = text(cluster, "proxy-url");
    if (!credentials.proxy.empty() && !is_proxy(credentials.proxy))
      refuse("proxy-url \"" + credentials.proxy + "\" must be http://, https:// or socks5://");
    refuse_key(cluster, "insecure-skip-tls-verify", "give certificate-authority instead");
    refuse_key(cluster, "tls-server-name", "the certificate must name the host of server");
    for (const char* key : {"exec", "auth-provider"})
      refuse_key(user, key,
                 "plumbd does not run plugins; use a token, tokenFile or client certificate");
    credentials.ca = pem(cluster, "certificate-authority");
    credentials.certificate = pem(user, "client-certificate");
    credentials.key = pem(user, "client-key");
    read_secrets(user, credentials);
    warn_when_readable(user, credentials);
    return credentials;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw cni::Error(cni::Code::invalid_config, "\"" + path_ + "\" " + what);
  }

  static bool is_proxy(std::string_view url) {
    return url.starts_with("http://") || url.starts_with("https://") ||
           url.starts_with("socks5://");
  }
  static bool is_set(const YAML::Node& map, const char* key) {
    const YAML::Node value = map[key];
    return value.IsDefined() && !value.IsNull() && !(value.IsScalar() && value.Scalar() == "false");
  }
  void refuse_key(const YAML::Node& map, const char* key, const char* instead) const {
    if (is_set(map, key)) refuse(std::string("has ") + key + ", which is refused: " + instead);
  }

  std::string text(const YAML::Node& map, const char* key) const {
    if (!map.IsMap()) return {};
    const YAML::Node value = map[key];
    if (!value.IsDefined() || value.IsNull()) return {};
    if (!value.IsScalar()) refuse(std::string("key ") + key + " must be text");
    return value.Scalar();
  }

  /// The member `member` of the entry `name` in the list `list`.
  YAML::Node named(const char* list, const std::string& name, const char* member) const {
    for (const YAML::Node& entry : root_[list]) {
      if (text(entry, "name") != name) continue;
      if (!entry[member].IsMap()) break;
      return entry[member];
    }
    refuse(std::string("has no entry \"") + name + "\" in " + list);
  }

  std::string resolve(const std::string& file) const {
    return (std::filesystem::path(path_).parent_path() / file).string();
  }

  /// A PEM from the member `key`, which names a file, or `key`-data, which is base64.
  Pem pem(const YAML::Node& map, const std::string& key) const {
    const std::string data_key = key + "-data";
    const std::string data = text(map, data_key.c_str());
    if (!data.empty()) {
      const auto decoded = runtime::decode_base64(data);
      if (!decoded) refuse("key " + data_key + " must be base64 on one line");
      return {.text = *decoded};
    }
    const std::string file = text(map, key.c_str());
    if (file.empty()) return {};
    const std::string resolved = resolve(file);
    base::read_file(resolved);  // libcurl would not say which file is missing
    return {.file = resolved};
  }

  void read_secrets(const YAML::Node& user, Credentials& credentials) const {
    credentials.user = text(user, "username");
    credentials.password = text(user, "password");
    credentials.token = text(user, "token");
    const std::string token_file = text(user, "tokenFile");
    if (!token_file.empty()) credentials.token = base::read_file(resolve(token_file));
    while (!credentials.token.empty() && credentials.token.back() <= ' ')
      credentials.token.pop_back();
    if (credentials.certificate.empty() != credentials.key.empty())
      refuse("must have both client-certificate and client-key");
  }

  void warn_when_readable(const YAML::Node& user, Credentials& credentials) const {
    warn_when_readable("kubeconfig", path_, credentials);
    warn_when_readable("client-key", credentials.key.file, credentials);
    const std::string token_file = text(user, "tokenFile");
    if (!token_file.empty()) warn_when_readable("tokenFile", resolve(token_file), credentials);
  }
  static void warn_when_readable(const std::string& what, const std::string& path,
                                 Credentials& credentials) {
    struct stat status {};
    if (path.empty() || ::stat(path.c_str(), &status) != 0 || (status.st_mode & 0044) == 0) return;
    credentials.warnings.push_back(what + " \"" + path +
                                   "\" can be read by other users: chmod 600 it");
  }

  const std::string path_;
  YAML::Node root_;
};

}  // namespace

Credentials load_kubeconfig(const std::string& path) {
  return Kubeconfig(path).read();
}

}  // namespace agent::kubernetes
