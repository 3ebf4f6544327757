// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/http/client.h"

namespace agent::kubernetes {

/// The address of the API server and the credentials of this client.
struct Credentials {
  std::string server;  ///< https://10.96.0.1:443, without a slash at the end
  Pem ca = {}, certificate = {}, key = {};
  std::string token = {};
  std::string user = {}, password = {};
  std::string proxy = {};  ///< http://, https:// or socks5://; empty: as the environment says
  std::vector<std::string> warnings = {};  ///< one line each
  bool operator==(const Credentials&) const = default;
};

/// Loads the credentials of the kubeconfig file that `config` names, else of the pod's service
/// account. Reads all files anew. Throws cni::Error or std::system_error, naming file and key.
Credentials load_credentials(const KubernetesConfig& config);

/// Loads the credentials of the file's current context. Relative paths in the file begin at its
/// folder. Refuses exec and auth-provider plugins, insecure-skip-tls-verify and tls-server-name,
/// and says what to do instead.
Credentials load_kubeconfig(const std::string& path);

}  // namespace agent::kubernetes
