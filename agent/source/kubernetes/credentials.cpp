// SPDX-License-Identifier: Apache-2.0
#include "agent/source/kubernetes/credentials.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "agent/http/url.h"
#include "libcni/base/file.h"
#include "libcni/json/object.h"
#include "libcni/spec/error.h"

namespace agent::kubernetes {
namespace {

std::string in_cluster_server() {
  const char* const host = std::getenv("KUBERNETES_SERVICE_HOST");
  const char* const port = std::getenv("KUBERNETES_SERVICE_PORT");
  if (host == nullptr || port == nullptr || *host == '\0')
    throw cni::Error(cni::Code::invalid_config,
                     "no API server: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not "
                     "set; outside of a pod set `kubernetes.kubeconfig`");
  const std::string text = host;
  const bool v6 = text.find(':') != std::string::npos;
  return "https://" + (v6 ? "[" + text + "]" : text) + ":" + port;
}

/// Refuses a server that would get a secret unencrypted over the network.
void check_secrecy(const Credentials& credentials, const KubernetesConfig& config) {
  if (config.insecure || credentials.server.starts_with("https://") ||
      (credentials.token.empty() && credentials.user.empty()))
    return;
  const bool stays = is_this_machine(credentials.server) &&
                     (credentials.proxy.empty() || is_this_machine(credentials.proxy));
  if (stays) return;
  throw cni::Error(
      cni::Code::invalid_config,
      "API server " + json::excerpt(credentials.server) + " would get the " +
          (credentials.token.empty() ? "password" : "token") +
          " unencrypted over the network: use https://, or set `kubernetes.insecure: true`");
}

Credentials load_unchecked(const KubernetesConfig& config) {
  if (!config.kubeconfig.empty()) return load_kubeconfig(config.kubeconfig);
  Credentials credentials{.server = config.server.empty() ? in_cluster_server() : config.server};
  credentials.ca.file = config.service_account + "/ca.crt";
  credentials.token = base::read_file(config.service_account + "/token");
  while (!credentials.token.empty() && credentials.token.back() <= ' ')
    credentials.token.pop_back();
  if (credentials.token.empty())
    throw cni::Error(cni::Code::invalid_config,
                     "\"" + config.service_account + "/token\" is empty: it must contain a token");
  return credentials;
}

}  // namespace

Credentials load_credentials(const KubernetesConfig& config) {
  Credentials credentials = load_unchecked(config);
  check_secrecy(credentials, config);
  return credentials;
}

}  // namespace agent::kubernetes
